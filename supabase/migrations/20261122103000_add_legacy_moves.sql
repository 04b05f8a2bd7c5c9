-- What the move of the legacy users remembers between two runs: failures, decisions, progress, objects.
--
-- Why: export, load and cutover are long and may be killed anywhere. Each writes here what it has done, so that the next
-- run goes on instead of beginning anew, and so that the removal (20270101000000) can tell whether all of it is done.
-- What stays unchanged: every other table. All of these are closed: the heimdex command alone reads and writes them.

-- One row for each legacy user whose last export failed; it goes when the user succeeds. cause: a short code of the
-- command. detail: what to do, without personal data.
create table if not exists private.legacy_failures (
    legacy_user_id uuid not null,
    cause text not null,
    detail text not null,
    attempts integer not null default 1,
    failed_at timestamptz not null default now(),
    constraint legacy_failures_pkey primary key (legacy_user_id)
);

-- What an operator decided. kind and action: those of heimdex legacy plan. subject: a legacy id, or * for all of a kind.
create table if not exists private.legacy_decisions (
    kind text not null,
    subject text not null,
    action text not null,
    value text,
    decided_at timestamptz not null default now(),
    constraint legacy_decisions_pkey primary key (kind, subject)
);

-- How far private.fill_legacy_owners has come. relation: as that function names it. last_key: the last primary key read.
create table if not exists private.legacy_fills (
    relation text not null,
    last_key uuid,
    read_rows bigint not null default 0,
    changed_rows bigint not null default 0,
    finished_at timestamptz,
    constraint legacy_fills_pkey primary key (relation)
);

-- Objects whose key carries a legacy id, on their way to a key with the new one. copied: both keys are there; switched:
-- the row names the new key; moved: the old key is gone; missing: there was no object under the old key.
-- user_id: whose object it is, as Supabase Auth knows the user.
create table if not exists private.legacy_object_moves (
    bucket text not null,
    old_key text not null,
    new_key text not null,
    user_id uuid not null,
    state text not null default 'pending',
    moved_at timestamptz not null default now(),
    constraint legacy_object_moves_pkey primary key (bucket, old_key),
    constraint legacy_object_moves_state_check
    check (state in ('pending', 'copied', 'switched', 'moved', 'missing'))
);
create index if not exists idx_legacy_object_moves_user_id on private.legacy_object_moves (user_id);
-- Ids may change places: a key may be the new one of one object and the old one of another.
create index if not exists idx_legacy_object_moves_new_key on private.legacy_object_moves (bucket, new_key);

-- Objects that were loaded from the legacy object store. size in bytes; md5 in hex.
create table if not exists private.legacy_objects (
    bucket text not null,
    key text not null,
    size bigint not null,
    source_etag text not null,
    md5 text not null,
    loaded_at timestamptz not null default now(),
    constraint legacy_objects_pkey primary key (bucket, key)
);
create index if not exists idx_legacy_objects_key on private.legacy_objects (bucket, key collate "C");

-- Tables that were loaded from a separate legacy database. fingerprint: over the rows of both sides, which were equal.
create table if not exists private.legacy_loads (
    relation text not null,
    rows bigint not null,
    fingerprint text not null,
    loaded_at timestamptz not null default now(),
    constraint legacy_loads_pkey primary key (relation)
);

-- Rows that a load brought, so that a later one deletes as gone only what came from there, and brings back nothing that
-- was erased here. relation: users, videos, face_profiles, audit_events or rate_limits. key: the primary key.
create table if not exists private.legacy_loaded_rows (
    relation text not null,
    key uuid not null,
    constraint legacy_loaded_rows_pkey primary key (relation, key)
);

-- People whose name was changed because another of the same owner has it: a rollback gives the old name back.
create table if not exists private.legacy_renames (
    person_id uuid not null,
    old_name text not null,
    new_name text not null,
    constraint legacy_renames_pkey primary key (person_id)
);

do $migration$
declare
    relation text;
begin
    foreach relation in array array[
        'legacy_failures', 'legacy_decisions', 'legacy_fills', 'legacy_object_moves', 'legacy_objects', 'legacy_loads',
        'legacy_loaded_rows', 'legacy_renames'
    ] loop
        execute pg_catalog.format('alter table private.%I enable row level security', relation);
        execute pg_catalog.format(
            'revoke all on table private.%I from public, anon, authenticated, service_role', relation);
        execute pg_catalog.format('drop policy if exists %I on private.%I',
            relation || ' are closed to clients', relation);
        execute pg_catalog.format(
            'create policy %I on private.%I as restrictive for all to public using (false) with check (false)',
            relation || ' are closed to clients', relation);
    end loop;
end
$migration$;
