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

-- One row for each legacy user who has an account in Supabase Auth. verified_at is set by a comparison of every field.
create table if not exists private.legacy_exports (
    legacy_user_id uuid not null,
    supabase_user_id uuid not null,
    exported_at timestamptz not null default now(),
    verified_at timestamptz,
    source_updated_at timestamptz,
    constraint legacy_exports_pkey primary key (legacy_user_id),
    constraint legacy_exports_supabase_user_id_key unique (supabase_user_id)
);
alter table private.legacy_exports enable row level security;
revoke all on table private.legacy_exports from public, anon, authenticated, service_role;

create table if not exists private.legacy_verifications (
    verification_id uuid not null default gen_random_uuid(),
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    users_compared integer not null default 0,
    mismatches jsonb not null default '[]'::jsonb,
    passed boolean not null default false,
    constraint legacy_verifications_pkey primary key (verification_id)
);
alter table private.legacy_verifications enable row level security;
revoke all on table private.legacy_verifications from public, anon, authenticated, service_role;

-- At most one row: written by the migration that removes the users tables.
create table if not exists private.legacy_removals (
    only_row boolean not null default true,
    removed_at timestamptz not null default now(),
    users_removed integer not null,
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

-- Keeps updated_at of a row true. Trigger function, not security definer.
create or replace function private.touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    new.updated_at := now();
    return new;
end
$function$;
revoke all on function private.touch_updated_at() from public, anon, authenticated, service_role;
