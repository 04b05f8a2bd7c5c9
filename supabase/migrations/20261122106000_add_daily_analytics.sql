-- Daily totals of the analytics events, without a user in them.
--
-- Why: statistics over months must neither read every event nor keep them all, and an erased user takes the events along
-- while what happened that day still happened. Each event is counted once: the drain counts what is new, late rows too,
-- and a row that is deleted before it was counted is counted by its deletion. The mark on the row and the total change
-- in one transaction, so that a run that is killed left nothing, and the next one gives the same figures.
-- What stays unchanged: the events themselves; user_analytics gains the mark. Days are those of UTC.

alter table public.user_analytics add column if not exists counted boolean not null default false;
create index if not exists idx_user_analytics_uncounted on public.user_analytics (created_at) where not counted;
-- What is never swept stays out of it: each run would pass over one or two rows of every user there is.
create index if not exists idx_user_analytics_swept on public.user_analytics (created_at)
where counted and event_type not in ('registered', 'onboarded');

-- events: how many of that type. users: by how many users; exact while the events of that day are kept.
create table if not exists private.analytics_daily (
    day date not null,
    event_type text not null,
    events bigint not null,
    users bigint not null,
    constraint analytics_daily_pkey primary key (day, event_type),
    constraint analytics_daily_counts_check check (users between 0 and events)
);
alter table private.analytics_daily enable row level security;
revoke all on table private.analytics_daily from public, anon, authenticated, service_role;
drop policy if exists "analytics_daily are closed to clients" on private.analytics_daily;
create policy "analytics_daily are closed to clients" on private.analytics_daily
as restrictive for all to public using (false) with check (false);

-- Adds events to the totals of their days. p_rows: events that are not counted yet, none of them marked. p_gone: counted
-- events that the caller's statement deletes. A user counts once a day and type: not again when a counted event of
-- that day is there or among p_gone. Returns nothing. The caller holds the lock of private.analytics_lock.
-- Not security definer: private.roll_up_analytics and private.count_deleted_analytics call it as their owner.
create or replace function private.add_to_analytics(
    p_rows public.user_analytics [], p_gone public.user_analytics []
) returns void
language sql
set search_path = ''
as $function$
    insert into private.analytics_daily as d (day, event_type, events, users)
    select
        fresh.day,
        fresh.event_type,
        sum(fresh.events),
        sum(
            case
                -- Events of erased users carry no id: each is of a user of its own.
                when fresh.user_id is null then fresh.events
                when exists (
                    select
                    from public.user_analytics as k
                    where
                        k.user_id = fresh.user_id and k.event_type = fresh.event_type and k.counted
                        and k.created_at >= fresh.day::timestamp at time zone 'UTC'
                        and k.created_at < (fresh.day + 1)::timestamp at time zone 'UTC'
                )
                or exists (
                    select
                    from unnest(p_gone) as g
                    where
                        g.user_id = fresh.user_id and g.event_type = fresh.event_type
                        and (g.created_at at time zone 'UTC')::date = fresh.day
                ) then 0
                else 1
            end
        )
    from (
        select (r.created_at at time zone 'UTC')::date as day, r.event_type, r.user_id, count(*) as events
        from unnest(p_rows) as r
        group by 1, 2, 3
    ) as fresh
    group by fresh.day, fresh.event_type
    on conflict (day, event_type) do update
    set events = d.events + excluded.events, users = d.users + excluded.users
$function$;
revoke all on function private.add_to_analytics(public.user_analytics [], public.user_analytics [])
from public, anon, authenticated, service_role;

-- The number of the lock under which totals change. Returns the same number always.
-- Not security definer: it reads nothing.
create or replace function private.analytics_lock() returns bigint
language sql
immutable
set search_path = ''
as $function$
    select hashtextextended('heimdex:analytics', 0)
$function$;
revoke all on function private.analytics_lock() from public, anon, authenticated, service_role;

-- Counts events that are not counted yet, oldest first. p_limit: 1 to 100000 events. Returns how many it counted; 0 when
-- none is left or another process is counting.
-- Errors: validation_failed. Not security definer: only the role of the service door runs it.
create or replace function private.roll_up_analytics(p_limit integer) returns integer
language plpgsql
set search_path = ''
as $function$
declare
    v_rows public.user_analytics [];
begin
    if coalesce(p_limit, 0) not between 1 and 100000 then
        perform private.raise_error('validation_failed', 'Ask for 1 to 100000 events');
    end if;
    if not pg_try_advisory_xact_lock(private.analytics_lock()) then
        return 0;
    end if;
    -- Rows that a deletion holds are left to it: it waits for the lock taken above.
    v_rows := array(
        select a
        from public.user_analytics as a
        where not a.counted
        order by a.created_at
        limit p_limit
        for update skip locked
    );
    perform private.add_to_analytics(v_rows, '{}');
    update public.user_analytics set counted = true
    where event_id in (select r.event_id from unnest(v_rows) as r);
    return cardinality(v_rows);
end
$function$;
revoke all on function private.roll_up_analytics(integer) from public, anon, authenticated, service_role;

-- Counts the events that a statement deleted before they were counted. Trigger function on public.user_analytics.
-- With them it counts what is left of the same users: an erasure deletes in pages, and a user must not count once a page.
-- Security definer: service_role may delete events and has no right on the totals. Trust boundary: takes nothing but the
-- rows of the trigger.
create or replace function private.count_deleted_analytics() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_fresh public.user_analytics [];
    v_left public.user_analytics [];
begin
    if not exists (select from gone as g where not g.counted) then
        return null;
    end if;
    perform pg_advisory_xact_lock(private.analytics_lock());
    v_fresh := array(select g::public.user_analytics from gone as g where not g.counted);
    v_left := array(
        select a
        from public.user_analytics as a
        where not a.counted and a.user_id in (select f.user_id from unnest(v_fresh) as f)
        for update skip locked
    );
    perform private.add_to_analytics(
        v_fresh || v_left, array(select g::public.user_analytics from gone as g where g.counted)
    );
    update public.user_analytics set counted = true
    where event_id in (select l.event_id from unnest(v_left) as l);
    return null;
end
$function$;
revoke all on function private.count_deleted_analytics() from public, anon, authenticated, service_role;
create or replace trigger user_analytics_count_deleted
after delete on public.user_analytics
referencing old table as gone
for each statement execute function private.count_deleted_analytics();

-- Deletes counted events past their days. p_days: 1 to 3650. p_limit: 1 to 100000 events. Returns how many it deleted.
-- The events 'registered' and 'onboarded' of a user stay: by them a user is counted once.
-- Errors: validation_failed. Not security definer: only the role of the service door runs it.
create or replace function private.sweep_analytics(p_days integer, p_limit integer) returns integer
language plpgsql
set search_path = ''
as $function$
declare
    v_deleted integer;
begin
    if coalesce(p_days, 0) not between 1 and 3650 or coalesce(p_limit, 0) not between 1 and 100000 then
        perform private.raise_error('validation_failed', 'Keep events 1 to 3650 days and ask for 1 to 100000 of them');
    end if;
    delete from public.user_analytics
    where event_id in (
        select a.event_id
        from public.user_analytics as a
        where
            a.counted and a.created_at < now() - make_interval(days => p_days)
            and a.event_type not in ('registered', 'onboarded')
        order by a.created_at
        limit p_limit
        for update skip locked
    );
    get diagnostics v_deleted = row_count;
    return v_deleted;
end
$function$;
revoke all on function private.sweep_analytics(integer, integer) from public, anon, authenticated, service_role;
