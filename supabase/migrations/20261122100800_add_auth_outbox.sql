-- The outbox: every change of a user that the application must follow becomes a row in private.auth_events.
--
-- Why: Supabase Auth has no event for a deleted or changed user. A trigger on auth.users sees every path (our route,
-- dashboard, Admin API, SQL, soft delete, the clean-up of anonymous users), and its row lives or dies with the change
-- itself. Delivery is somebody else's: drain claims rows under a lease and retries.
-- What stays unchanged: auth.users and who may write it. The trigger inserts one row and never blocks: an error inside
-- it becomes a warning, because a broken outbox must not stop a sign-up, a login or a deletion. What is lost that way is
-- found by the anti-join against auth.users (20261122102100).

create table if not exists private.auth_events (
    id bigint generated always as identity,
    event_id uuid not null default gen_random_uuid(),
    type text not null,
    user_id uuid not null,
    payload jsonb not null default '{}'::jsonb,
    created_at timestamptz not null default now(),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    leased_until timestamptz,
    delivered_at timestamptz,
    dead_at timestamptz,
    last_error text,
    constraint auth_events_pkey primary key (id),
    constraint auth_events_event_id_key unique (event_id),
    constraint auth_events_type_check check (type in ('user.deleted', 'user.updated'))
);
create index if not exists idx_auth_events_due on private.auth_events (next_attempt_at, id)
where delivered_at is null and dead_at is null;
create index if not exists idx_auth_events_user_id on private.auth_events (user_id);
alter table private.auth_events enable row level security;
revoke all on table private.auth_events from public, anon, authenticated, service_role;

-- One row for each signed request of an outside sender: the same webhook-id gets the same answer and runs nothing twice.
-- outcome: the answer, null while a process works on it under lease_id until leased_until. subject: the keyed pseudonym
-- of the user, as in private.erased_users; an id used again for somebody else is refused by it.
create table if not exists private.webhook_deliveries (
    webhook_id text not null,
    received_at timestamptz not null default now(),
    type text not null,
    subject text not null,
    lease_id uuid,
    leased_until timestamptz,
    outcome jsonb,
    constraint webhook_deliveries_pkey primary key (webhook_id),
    constraint webhook_deliveries_webhook_id_check check (char_length(webhook_id) between 1 and 255)
);
create index if not exists idx_webhook_deliveries_received_at on private.webhook_deliveries (received_at);
alter table private.webhook_deliveries enable row level security;
revoke all on table private.webhook_deliveries from public, anon, authenticated, service_role;

-- Names the keys by which two jsonb objects differ, each as '<p_object>.<key>', sorted, each once.
-- p_known: keys that are named; a preference ('pref_...') is named '<p_object>.preferences', any other key only
-- '<p_object>', because a user chooses the names of those. What is no object counts as empty. Returns text[], never null.
-- Not security definer: it reads nothing.
create or replace function private.list_changed_keys(p_object text, p_old jsonb, p_new jsonb, p_known text [])
returns text []
language sql
immutable
set search_path = ''
as $function$
    select coalesce(array_agg(distinct changed.name order by changed.name), '{}')
    from (
        select case
            when key = any(p_known) then p_object || '.' || key
            when key like 'pref\_%' then p_object || '.preferences'
            else p_object
        end as name
        from jsonb_each(case when jsonb_typeof(p_old) = 'object' then p_old else '{}' end) as o (key, value)
        full join jsonb_each(case when jsonb_typeof(p_new) = 'object' then p_new else '{}' end) as n (key, value)
            using (key)
        where o.value is distinct from n.value
    ) as changed
$function$;
revoke all on function private.list_changed_keys(text, jsonb, jsonb, text []) from public, anon, authenticated,
service_role;

-- Wakes the drain up once a transaction, however many users it deletes. Returns nothing and never raises: a call that
-- cannot be queued is a warning, and the minute's call of the drain comes anyway.
-- Not security definer: the trigger below calls it as its owner. private.call_event_drain comes with 20261122101600.
create or replace function private.wake_event_drain() returns void
language plpgsql
set search_path = ''
as $function$
begin
    if current_setting('heimdex.drain_woken', true) = 'yes' then
        return;
    end if;
    perform set_config('heimdex.drain_woken', 'yes', true);
    begin
        perform private.call_event_drain();
    exception when others then
        raise warning 'Cannot wake the drain: % (%)', sqlerrm, sqlstate;
    end;
end
$function$;
revoke all on function private.wake_event_drain() from public, anon, authenticated, service_role;

-- Writes the outbox row of a deleted or changed user. Trigger function on auth.users.
-- payload: user.deleted {"soft": boolean}; user.updated {"changed": [email|banned_until|deleted_at|user_metadata.<key>|
-- app_metadata.<key>], "onboarded": true only when onboarding_completed became true}. Names of keys, never a value: no
-- hash, no token, no address.
-- A soft delete (deleted_at set) is a user.deleted: GoTrue does it by an update.
-- Never raises: any error becomes a warning, a lock on our tables that takes longer than two seconds included (Supabase
-- Auth gives a request ten). Security definer: it runs as supabase_auth_admin, which has no right on private tables.
-- Trust boundary: takes nothing but the row of the trigger.
create or replace function private.record_auth_event() returns trigger
language plpgsql
security definer
set search_path = ''
set lock_timeout = '2s'
as $function$
declare
    v_changed text [];
begin
    if tg_op = 'DELETE' or (old.deleted_at is null and new.deleted_at is not null) then
        insert into private.auth_events (type, user_id, payload)
        values ('user.deleted', old.id, jsonb_build_object('soft', tg_op = 'UPDATE'));
        -- A block of its own: whatever is wrong with waking, the row above stays.
        begin
            perform private.wake_event_drain();
        exception when others then
            raise warning 'Cannot wake the drain: % (%)', sqlerrm, sqlstate;
        end;
        return null;
    end if;
    v_changed := array_remove(array[
        case when old.email is distinct from new.email then 'email' end,
        case when old.banned_until is distinct from new.banned_until then 'banned_until' end,
        case when old.deleted_at is distinct from new.deleted_at then 'deleted_at' end
    ], null)
    || private.list_changed_keys('user_metadata', old.raw_user_meta_data, new.raw_user_meta_data,
        array['display_name', 'onboarding_completed', 'industry', 'job_title', 'email_consent'])
    || private.list_changed_keys('app_metadata', old.raw_app_meta_data, new.raw_app_meta_data,
        array['tier', 'permissions', 'organization_id', 'role', 'provider', 'providers']);
    if cardinality(v_changed) > 0 then
        insert into private.auth_events (type, user_id, payload)
        values (
            'user.updated',
            new.id,
            jsonb_build_object('changed', to_jsonb(v_changed))
            || case
                when new.raw_user_meta_data -> 'onboarding_completed' = 'true'::jsonb
                    and old.raw_user_meta_data -> 'onboarding_completed' is distinct from 'true'::jsonb
                    then '{"onboarded": true}'::jsonb
                else '{}'::jsonb
            end
        );
    end if;
    return null;
exception when others then
    raise warning 'Cannot write the outbox row of user %: % (%)', old.id, sqlerrm, sqlstate;
    return null;
end
$function$;
revoke all on function private.record_auth_event() from public, anon, authenticated, service_role;

create or replace trigger heimdex_record_deleted_user
after delete on auth.users
for each row execute function private.record_auth_event();
create or replace trigger heimdex_record_updated_user
after update of email, raw_user_meta_data, raw_app_meta_data, banned_until, deleted_at on auth.users
for each row
when (
    old.email is distinct from new.email
    or old.raw_user_meta_data is distinct from new.raw_user_meta_data
    or old.raw_app_meta_data is distinct from new.raw_app_meta_data
    or old.banned_until is distinct from new.banned_until
    or old.deleted_at is distinct from new.deleted_at
)
execute function private.record_auth_event();

-- How long a failed event waits. p_attempts: tries so far, from 1. Returns 30 s x 2^attempts, at most 6 h, of which a
-- random share of up to a half is taken off, so that events that failed together do not come back together.
-- Not security definer: it reads nothing.
create or replace function private.pick_event_pause(p_attempts integer) returns interval
language sql
volatile
set search_path = ''
as $function$
    select least(interval '30 seconds' * power(2, least(p_attempts, 20)), interval '6 hours')
        * (0.5 + random() / 2)
$function$;
revoke all on function private.pick_event_pause(integer) from public, anon, authenticated, service_role;

-- Claims due events for one worker, oldest first. p_limit: 1 to 1000. p_lease_seconds: how long no other worker gets
-- them, 1 to 3600. p_max_attempts: 1 to 1000; an event claimed that often becomes a dead letter here, since a process
-- that an event kills never reports its failure. Returns the claimed rows with attempts already counted. Rows that
-- another worker holds are left out.
-- Errors: validation_failed. Security definer: callable with the service door only, which has no right on the table.
create or replace function private.claim_auth_events(p_limit integer, p_lease_seconds integer, p_max_attempts integer)
returns setof private.auth_events
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if coalesce(p_limit, 0) not between 1 and 1000 or coalesce(p_lease_seconds, 0) not between 1 and 3600
        or coalesce(p_max_attempts, 0) not between 1 and 1000 then
        perform private.raise_error('validation_failed',
            'Ask for 1 to 1000 events, a lease of 1 to 3600 seconds and 1 to 1000 attempts');
    end if;
    update private.auth_events as e
    set dead_at = now(), leased_until = null, last_error = coalesce(e.last_error, 'process_ended')
    where e.id in (
        select d.id
        from private.auth_events as d
        where
            d.delivered_at is null and d.dead_at is null and d.next_attempt_at <= now()
            and (d.leased_until is null or d.leased_until <= now())
            and d.attempts >= p_max_attempts
        for update skip locked
    );
    return query
    with due as (
        select e.id
        from private.auth_events as e
        where
            e.delivered_at is null and e.dead_at is null and e.next_attempt_at <= now()
            and (e.leased_until is null or e.leased_until <= now())
        order by e.id
        limit p_limit
        for update skip locked
    ),

    claimed as (
        update private.auth_events as e
        set
            attempts = e.attempts + 1,
            leased_until = now() + make_interval(secs => p_lease_seconds),
            next_attempt_at = now() + private.pick_event_pause(e.attempts + 1)
        from due
        where e.id = due.id
        returning e.*
    )

    select c.* from claimed as c order by c.id;
end
$function$;
revoke all on function private.claim_auth_events(integer, integer, integer) from public, anon, authenticated,
service_role;
grant execute on function private.claim_auth_events(integer, integer, integer) to service_role;

-- Marks an event as delivered. p_id: private.auth_events.id. Returns nothing; an event already delivered stays as it is.
-- Security definer: as private.claim_auth_events.
create or replace function private.finish_auth_event(p_id bigint) returns void
language sql
security definer
set search_path = ''
as $function$
    update private.auth_events
    set delivered_at = now(), leased_until = null, last_error = null
    where id = p_id and delivered_at is null
$function$;
revoke all on function private.finish_auth_event(bigint) from public, anon, authenticated, service_role;
grant execute on function private.finish_auth_event(bigint) to service_role;

-- Puts an event back after a failure, or sets it aside. p_error: the reason, cut to 500 characters, no personal data.
-- p_max_attempts: 1 to 1000; an event tried that often is dead and waits for a person.
-- Returns nothing. Errors: validation_failed. Security definer: as private.claim_auth_events.
create or replace function private.fail_auth_event(p_id bigint, p_error text, p_max_attempts integer) returns void
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if coalesce(p_max_attempts, 0) not between 1 and 1000 then
        perform private.raise_error('validation_failed', 'Ask for 1 to 1000 attempts');
    end if;
    update private.auth_events
    set
        leased_until = null,
        last_error = left(p_error, 500),
        next_attempt_at = now() + private.pick_event_pause(attempts),
        dead_at = case when attempts >= p_max_attempts then now() end
    where id = p_id and delivered_at is null;
end
$function$;
revoke all on function private.fail_auth_event(bigint, text, integer) from public, anon, authenticated, service_role;
grant execute on function private.fail_auth_event(bigint, text, integer) to service_role;
