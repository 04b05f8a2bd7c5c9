-- When the drain last came to its end.
--
-- Why: a drain that nobody calls leaves no trace while the outbox is empty, and the first deleted user would wait for a
-- person. heimdex status and heimdex doctor look at this row.
-- What stays unchanged: every other table. One row, no id of anybody.

create table if not exists private.drain_heartbeats (
    only_row boolean not null default true,
    finished_at timestamptz not null,
    constraint drain_heartbeats_pkey primary key (only_row),
    constraint drain_heartbeats_only_row_check check (only_row)
);
alter table private.drain_heartbeats enable row level security;
revoke all on table private.drain_heartbeats from public, anon, authenticated, service_role;
drop policy if exists "drain_heartbeats are closed to clients" on private.drain_heartbeats;
create policy "drain_heartbeats are closed to clients" on private.drain_heartbeats
as restrictive for all to public using (false) with check (false);
