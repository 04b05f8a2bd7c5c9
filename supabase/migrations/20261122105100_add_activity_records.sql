-- The record of what was done and refused, which nobody may change, and the events that statistics count.
--
-- Why: a record that its writer can correct proves nothing. Rows of audit_events come from private.record_activity and
-- stay as they are, but for two changes: an erasure puts the pseudonym of its tombstone in the place of the user, and
-- addresses and user agents, which nobody needs for ever, are cleared after some time. Statistics need to know who registered, onboarded, uploaded and searched, once each, without free text.
-- What stays unchanged: columns and rows of audit_events, and what the legacy application inserts. The move of legacy
-- users goes on as before: it fills a column of its own, and its load and rollback say what they do by a setting.

-- Refuses to change or delete an audit event, whoever asks. Allowed are: the column that the legacy move fills; the
-- anonymisation by an erasure, which clears who it was and writes the subject of the user's tombstone; clearing address
-- and user agent, both and nothing else, of an event older than 30 days; and, where the transaction has set
-- heimdex.audit_move to on, a loaded row (load) and user_id alone (rollback).
-- Trigger function, not security definer: who may update the table at all may read the tombstones.
create or replace function private.keep_audit_event() returns trigger
language plpgsql
set search_path = ''
as $function$
declare
    v_moving boolean := coalesce(current_setting('heimdex.audit_move', true), '') = 'on';
begin
    if tg_op = 'UPDATE' and (new.event_id, new.event_type, new.created_at) is not distinct from
        (old.event_id, old.event_type, old.created_at) then
        if (new.user_id, new.ip_address, new.user_agent, new.metadata, new.user_subject) is not distinct from
            (old.user_id, old.ip_address, old.user_agent, old.metadata, old.user_subject) then
            return new;
        end if;
        if num_nonnulls(new.user_id, new.ip_address, new.user_agent, new.metadata) = 0 and exists (
            select
            from private.erased_users as e
            where e.user_id = old.user_id and e.subject = new.user_subject
        ) then
            return new;
        end if;
        -- The floor stands here: a setting too small shall not blind whoever looks into an attack.
        if old.created_at < now() - interval '30 days' and num_nonnulls(new.ip_address, new.user_agent) = 0
            and (new.user_id, new.metadata, new.user_subject) is not distinct from
            (old.user_id, old.metadata, old.user_subject) then
            return new;
        end if;
        if v_moving and (new.ip_address, new.user_agent, new.metadata, new.user_subject) is not distinct from
            (old.ip_address, old.user_agent, old.metadata, old.user_subject) then
            return new;
        end if;
    end if;
    if v_moving and tg_level = 'ROW' then
        if exists (
            select
            from private.legacy_loaded_rows as l
            where l.relation = 'audit_events' and l.key = old.event_id
        ) then
            return case tg_op when 'DELETE' then old else new end;
        end if;
    end if;
    perform private.raise_error('forbidden', 'An audit event cannot be changed or deleted');
    return null;
end
$function$;
revoke all on function private.keep_audit_event() from public, anon, authenticated, service_role;
create or replace trigger audit_events_keep_event
before update or delete on public.audit_events
for each row execute function private.keep_audit_event();
create or replace trigger audit_events_keep_all
before truncate on public.audit_events
for each statement execute function private.keep_audit_event();

-- An erasure is counted without the id of whom it erased.
alter table public.user_analytics alter column user_id drop not null;
alter table public.user_analytics drop constraint if exists user_analytics_user_id_check;
alter table public.user_analytics add constraint user_analytics_user_id_check
check (user_id is not null or event_type = 'erased');
-- A user registers once, and a video is uploaded once, however often a request is repeated.
create unique index if not exists user_analytics_registered_key
on public.user_analytics (user_id) where event_type = 'registered';
create unique index if not exists user_analytics_uploaded_video_key
on public.user_analytics ((event_data ->> 'video_id')) where event_type = 'uploaded_video';

-- Writes what requests did: audit events and the events that statistics count, any number in one statement.
-- p_activities: a JSON array of {"user_id": uuid or null, "event_type": text or null (nothing to audit), "ip_address",
-- "user_agent": text or null, "metadata": object, "counted": an event_type of user_analytics or null,
-- "counted_data": object, "event_id": uuid or null}. Lengths are cut to those of the columns. Returns how many audit
-- events were written.
-- An event_id is the key in both tables, and what has been written under it is not written again: whoever lost the
-- connection at the COMMIT cannot know, and repeats the call.
-- A user under erasure is named by the pseudonym of the tombstone, without address, agent and metadata; one of whom
-- nothing is known any more is not named at all; neither is counted. So a write that comes late leaves no trace behind
-- an erasure. Who is counted for the first time, with an account younger than 30 days that neither is anonymous nor came
-- from the legacy system, is counted as registered as well.
-- Security definer: called through the service door, which may become a role of its own with no right on auth.users.
-- Closed to every other role: whoever may call it may forge.
create or replace function private.record_activity(p_activities jsonb) returns integer
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_count integer;
begin
    with given as (
        select
            a.*,
            t.subject,
            t.subject is null and u.id is not null and u.deleted_at is null as lives,
            t.subject is null and (
                u.id is not null or exists (select from private.auth_events as o where o.user_id = a.user_id)
            ) as named,
            coalesce(u.created_at > now() - interval '30 days' and not coalesce(u.is_anonymous, false), false) as is_new
        from jsonb_to_recordset(p_activities) as a (
            event_id uuid, user_id uuid, event_type text, ip_address text, user_agent text, metadata jsonb,
            counted text, counted_data jsonb
        )
        left join auth.users as u on a.user_id = u.id
        left join private.erased_users as t on a.user_id = t.user_id
    ),

    written as (
        insert into public.audit_events (
            event_id, user_id, user_subject, event_type, ip_address, user_agent, metadata
        )
        select
            coalesce(g.event_id, gen_random_uuid()),
            case when g.named then g.user_id end,
            g.subject,
            left(g.event_type, 127),
            case when g.named or g.user_id is null then left(g.ip_address, 45) end,
            case when g.named or g.user_id is null then left(g.user_agent, 512) end,
            case when g.named or g.user_id is null then g.metadata end
        from given as g
        where g.event_type is not null
        on conflict (event_id) do nothing
        returning 1
    ),

    registered as (
        insert into public.user_analytics (user_id, event_type)
        select distinct g.user_id, 'registered'
        from given as g
        where
            g.counted is not null and g.lives and g.is_new
            and not exists (select from private.legacy_exports as e where e.supabase_user_id = g.user_id)
        on conflict (user_id) where event_type = 'registered' do nothing
    ),

    counted as (
        insert into public.user_analytics (event_id, user_id, event_type, event_data)
        select coalesce(g.event_id, gen_random_uuid()), g.user_id, g.counted, coalesce(g.counted_data, '{}'::jsonb)
        from given as g
        where g.lives and g.counted is not null and g.counted <> 'registered'
        on conflict do nothing
    )

    select count(*) into v_count from written;
    return v_count;
end
$function$;
revoke all on function private.record_activity(jsonb) from public, anon, authenticated, service_role;

-- What private.clear_audit_addresses looks for: an event leaves the index once it is cleared. Events written here carry
-- the id of a request, those of the legacy application do not.
create index if not exists idx_audit_events_addresses
on public.audit_events ((coalesce(metadata ? 'request_id', false)), created_at)
where ip_address is not null or user_agent is not null;

-- Clears address and user agent of audit events past their days; what happened, to whom and when stays.
-- p_days: age from which, 30 or more (else forbidden, by the trigger). p_limit: rows at most. Returns how many were
-- cleared; fewer than p_limit means that none is left. An event that another transaction holds waits for the next call.
-- Before the users tables are removed, and as long as their archive can bring them back, events that the legacy
-- application wrote are left as they are.
-- Not security definer: called by the drain, as the owner of the table.
create or replace function private.clear_audit_addresses(p_days integer, p_limit integer) returns bigint
language sql
set search_path = ''
as $function$
    with due as (
        select o.event_id
        from unnest(
            case
                when to_regclass('public.users') is null and to_regclass('legacy_archive.users') is null
                    then array[true, false]
                else array[true]
            end
        ) as kinds (is_ours)
        cross join lateral (
            select a.event_id
            from public.audit_events as a
            where
                (a.ip_address is not null or a.user_agent is not null)
                and coalesce(a.metadata ? 'request_id', false) = kinds.is_ours
                and a.created_at < now() - make_interval(days => p_days)
            order by a.created_at
            limit p_limit
            for update skip locked
        ) as o
        limit p_limit
    ),

    cleared as (
        update public.audit_events as a
        set ip_address = null, user_agent = null
        from due as d
        where a.event_id = d.event_id
        returning a.event_id
    )

    select count(*) from cleared
$function$;
revoke all on function private.clear_audit_addresses(integer, integer)
from public, anon, authenticated, service_role;
