-- The daily count of orphans: users of whom rows or objects are there although Supabase Auth knows them no more.
--
-- Why: the trigger on auth.users can be lost (a restore, a broken outbox, a delivery given up on), and nobody would see
-- it. An anti-join against auth.users, counted once a day, shows the drift; heimdex status tells when it is not zero.
-- What stays unchanged: every other table. Counting erases nothing.

-- One row a day (UTC). counted_at: null while the count runs or after it failed. users: accounts that are not
-- soft-deleted. orphans: users without an account of whom something is left; null when nobody could tell, as before the
-- users of the former system are moved. places: in how many tables and buckets, {"schema.table" or "bucket": orphans}.
-- No id of anybody.
create table if not exists private.orphan_counts (
    day date not null,
    started_at timestamptz not null default now(),
    counted_at timestamptz,
    users integer,
    orphans integer,
    places jsonb,
    constraint orphan_counts_pkey primary key (day)
);
alter table private.orphan_counts enable row level security;
revoke all on table private.orphan_counts from public, anon, authenticated, service_role;
drop policy if exists "orphan_counts are closed to clients" on private.orphan_counts;
create policy "orphan_counts are closed to clients" on private.orphan_counts
as restrictive for all to public using (false) with check (false);
