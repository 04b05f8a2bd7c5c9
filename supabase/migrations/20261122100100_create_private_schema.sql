-- The closed schema "private" and the tables by which the legacy users reach Supabase Auth.
--
-- Why: functions that must look past row level security and tables that no client may see need a schema that the Data
-- API does not expose. legacy_exports is the id map that the removal of the users tables (20270101000000) asks for.
-- What stays unchanged: everything in public. The road that fills the legacy_* tables belongs to the heimdex command.
-- Its presence also tells 20261122100000 that the legacy schema was taken over.

create schema if not exists extensions;
create schema if not exists private;
revoke all on schema private from public, anon, authenticated;
grant usage on schema private to authenticated, service_role, supabase_auth_admin;

-- Both are trusted extensions: a role without superuser may create them. Search falls back to separate indexes without
-- btree_gin (20261122100500), and to whole words without pg_trgm.
do $migration$
declare
    extension text;
begin
    foreach extension in array array['btree_gin', 'pg_trgm'] loop
        if exists (select from pg_catalog.pg_available_extensions where name = extension) then
            execute pg_catalog.format('create extension if not exists %I with schema extensions', extension);
        else
            raise notice '% is not available: search runs with plain indexes', extension;
        end if;
    end loop;
end
$migration$;

-- One row for each legacy user who has an account in Supabase Auth: the only place where the two ids stand side by side.
-- origin: kept, the legacy row named the account already; created, the account was made for the legacy user; linked, an
-- account of the same address was taken by decision. verified_at is set by a comparison of every field.
-- source_updated_at: updated_at of the legacy row that was exported.
create table if not exists private.legacy_exports (
    legacy_user_id uuid not null,
    supabase_user_id uuid not null,
    origin text not null,
    exported_at timestamptz not null default now(),
    verified_at timestamptz,
    source_updated_at timestamptz,
    constraint legacy_exports_pkey primary key (legacy_user_id),
    constraint legacy_exports_supabase_user_id_key unique (supabase_user_id),
    constraint legacy_exports_origin_check check (origin in ('kept', 'created', 'linked'))
);
alter table private.legacy_exports enable row level security;
revoke all on table private.legacy_exports from public, anon, authenticated, service_role;

-- One row for each comparison of the legacy users with Supabase Auth. fingerprint: private.legacy_fingerprint() as it was
-- while the comparison ran; the removal asks that nothing was written since. owners_compared: owners whose rows were
-- counted. signed_in: users of the sample who signed in with their old password.
create table if not exists private.legacy_verifications (
    verification_id uuid not null default gen_random_uuid(),
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    users_compared integer not null default 0,
    owners_compared integer not null default 0,
    signed_in integer not null default 0,
    fingerprint text,
    mismatches jsonb not null default '[]'::jsonb,
    passed boolean not null default false,
    constraint legacy_verifications_pkey primary key (verification_id)
);
alter table private.legacy_verifications enable row level security;
revoke all on table private.legacy_verifications from public, anon, authenticated, service_role;

-- At most one row: written by the migration that removes the users tables. purged_at: when the archive was deleted; there
-- is no way back from then on.
create table if not exists private.legacy_removals (
    only_row boolean not null default true,
    removed_at timestamptz not null default now(),
    users_removed integer not null,
    purged_at timestamptz,
    constraint legacy_removals_pkey primary key (only_row),
    constraint legacy_removals_only_row_check check (only_row)
);
alter table private.legacy_removals enable row level security;
revoke all on table private.legacy_removals from public, anon, authenticated, service_role;

-- Ends a function with an error that the HTTP layer understands.
-- p_code: an error code of shared/errors/codes.ts, carried as the message. p_detail: the sentence for the caller.
-- Never returns; raises SQLSTATE HD000. Not security definer: it reads nothing.
create or replace function private.raise_error(p_code text, p_detail text) returns void
language plpgsql
set search_path = ''
as $function$
begin
    raise exception using errcode = 'HD000', message = p_code, detail = p_detail;
end
$function$;
revoke all on function private.raise_error(text, text) from public, anon, authenticated, service_role;

-- The signed-in caller. Returns auth.uid(); raises token_missing when the transaction carries no user.
-- Not security definer: it reads the request settings only.
create or replace function private.require_caller() returns uuid
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_caller uuid := auth.uid();
begin
    if v_caller is null then
        perform private.raise_error('token_missing', 'No user is signed in. Send an access token');
    end if;
    return v_caller;
end
$function$;
revoke all on function private.require_caller() from public, anon, authenticated, service_role;

-- Keeps updated_at of a row true. A transaction that set heimdex.keep_updated_at to on writes rows as they were elsewhere
-- (a load, a rollback) and keeps their times. Trigger function, not security definer.
create or replace function private.touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    if current_setting('heimdex.keep_updated_at', true) is distinct from 'on' then
        new.updated_at := now();
    end if;
    return new;
end
$function$;
revoke all on function private.touch_updated_at() from public, anon, authenticated, service_role;
