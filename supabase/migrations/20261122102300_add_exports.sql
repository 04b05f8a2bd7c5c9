-- The exports of users' data, and the functions by which a user asks for one and reads its state.
--
-- Why: an export of a large account takes longer than a request may, so it is a job: a row with its state, a lease and
-- a checkpoint. The work itself is in shared/export, through the service door.
-- What stays unchanged: every other table. Bucket exports and who may read it are in 20261122101500.

-- One row for each export. parts: [{"name", "key", "size_bytes", "sha256"}], the zips in bucket exports in their order.
-- checkpoint: where the next part begins, null until one is recorded: {"source", "at": {"branch", "after"}, "chunk",
-- "files": [{"name", "part", "rows", "size_bytes", "sha256"}]}. leased_until and lease_id: which process works on it.
-- expires_at: when its objects may go; removed_at: when they went. last_error: an error code or an error's name.
create table if not exists private.exports (
    export_id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    state text not null default 'pending',
    requested_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    expires_at timestamptz,
    removed_at timestamptz,
    parts jsonb not null default '[]'::jsonb,
    checkpoint jsonb,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    leased_until timestamptz,
    lease_id uuid,
    last_error text,
    constraint exports_pkey primary key (export_id),
    constraint exports_state_check check (
        state in ('pending', 'running', 'completed', 'failed', 'expired', 'cancelled')
    )
);
-- One open export a user: a second request joins it.
create unique index if not exists exports_open_user_key
on private.exports (user_id) where state in ('pending', 'running');
create index if not exists idx_exports_user_id on private.exports (user_id, finished_at);
create index if not exists idx_exports_due on private.exports (next_attempt_at) where state in ('pending', 'running');
create index if not exists idx_exports_expiry on private.exports (expires_at) where removed_at is null;
alter table private.exports enable row level security;
revoke all on table private.exports from public, anon, authenticated, service_role;
drop policy if exists "exports are closed to clients" on private.exports;
create policy "exports are closed to clients" on private.exports
as restrictive for all to public using (false) with check (false);

-- Asks for an export of everything the caller owns. An open one is joined.
-- Returns one row: export_id, state, requested_at of the open export; or, when 3 exports were completed in the last 24
-- hours, nothing of these and retry_after_s: the whole seconds until the next one may be asked for.
-- Errors: token_missing. Exact under concurrent calls: one lock a user, held to the end of the transaction.
-- Security definer: the table is closed to clients, who could otherwise write keys of others into it.
-- Trust boundary: no argument; the owner is auth.uid().
create or replace function private.request_export()
returns table (export_id uuid, state text, requested_at timestamptz, retry_after_s integer)
language plpgsql
security definer
set search_path = ''
as $function$
declare
    c_a_day constant integer := 3;
    v_caller uuid := private.require_caller();
    v_export private.exports;
    v_oldest timestamptz;
begin
    perform pg_advisory_xact_lock(hashtextextended('request_export:' || v_caller::text, 0));
    select e.* into v_export
    from private.exports as e
    where e.user_id = v_caller and e.state in ('pending', 'running');
    if v_export.export_id is null then
        select e.finished_at into v_oldest
        from private.exports as e
        where
            e.user_id = v_caller and e.state in ('completed', 'expired')
            and e.finished_at > now() - interval '24 hours'
        order by e.finished_at desc
        offset c_a_day - 1
        limit 1;
        if v_oldest is not null then
            return query select
                null::uuid,
                null::text,
                null::timestamptz,
                greatest(1, ceil(extract(epoch from v_oldest + interval '24 hours' - now())))::integer;
            return;
        end if;
        insert into private.exports (user_id) values (v_caller) returning * into v_export;
    end if;
    return query select v_export.export_id, v_export.state, v_export.requested_at, null::integer;
end
$function$;
revoke all on function private.request_export() from public, anon, authenticated, service_role;
grant execute on function private.request_export() to authenticated;

-- One export of the caller. p_export_id: the export.
-- Returns one row: as in private.exports; a completed one whose time is over is 'expired' although its objects may still
-- lie there. Errors: token_missing; export_not_found when it does not exist or belongs to others: the caller cannot tell
-- the two apart.
-- Security definer: as private.request_export. Trust boundary: the owner is auth.uid().
create or replace function private.read_export(p_export_id uuid)
returns table (
    export_id uuid,
    state text,
    requested_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    expires_at timestamptz,
    parts jsonb,
    last_error text
)
language plpgsql
stable
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
begin
    return query
    select
        e.export_id,
        case when e.state = 'completed' and e.expires_at <= now() then 'expired' else e.state end,
        e.requested_at, e.started_at, e.finished_at, e.expires_at, e.parts, e.last_error
    from private.exports as e
    where e.export_id = p_export_id and e.user_id = v_caller;
    if not found then
        perform private.raise_error('export_not_found', 'No such export. Check the id, or ask for a new export');
    end if;
end
$function$;
revoke all on function private.read_export(uuid) from public, anon, authenticated, service_role;
grant execute on function private.read_export(uuid) to authenticated;
