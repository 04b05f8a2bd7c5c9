-- The outbox: every change of a user that the application must follow becomes a row in private.auth_events.
--
-- Why: Supabase Auth has no event for a deleted or changed user. A trigger on auth.users sees every path (our route,
-- dashboard, Admin API, SQL, soft delete, the clean-up of anonymous users), and its row lives or dies with the change
-- itself. Delivery is somebody else's: drain claims rows under a lease and retries.
-- What stays unchanged: auth.users and who may write it. The trigger inserts one row and never blocks: an error inside
-- it becomes a warning, because a broken outbox must not stop a sign-up, a login or a deletion.

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

-- Writes the outbox row of a deleted or changed user. Trigger function on auth.users.
-- payload: user.deleted {"soft": boolean}; user.updated {"changed": [email|user_metadata|app_metadata|banned_until|
-- deleted_at], "banned_until": time or null}. Never a hash, a token or an address.
-- A soft delete (deleted_at set) is a user.deleted: GoTrue does it by an update.
-- Never raises: any error becomes a warning. Security definer: it runs as supabase_auth_admin, which has no right on
-- private tables. Trust boundary: takes nothing but the row of the trigger.
create or replace function private.record_auth_event() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if tg_op = 'DELETE' then
        insert into private.auth_events (type, user_id, payload)
        values ('user.deleted', old.id, '{"soft": false}'::jsonb);
    elsif old.deleted_at is null and new.deleted_at is not null then
        insert into private.auth_events (type, user_id, payload)
        values ('user.deleted', new.id, '{"soft": true}'::jsonb);
    else
        insert into private.auth_events (type, user_id, payload)
        values (
            'user.updated',
            new.id,
            jsonb_build_object(
                'changed', to_jsonb(array_remove(array[
                    case when old.email is distinct from new.email then 'email' end,
                    case
                        when old.raw_user_meta_data is distinct from new.raw_user_meta_data then 'user_metadata'
                    end,
                    case
                        when old.raw_app_meta_data is distinct from new.raw_app_meta_data then 'app_metadata'
                    end,
                    case when old.banned_until is distinct from new.banned_until then 'banned_until' end,
                    case when old.deleted_at is distinct from new.deleted_at then 'deleted_at' end
                ], null)),
                'banned_until', new.banned_until
            )
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

-- Claims due events for one worker, oldest first. p_limit: 1 to 1000. p_lease_seconds: how long no other worker gets
-- them, 1 to 3600. Returns the claimed rows with attempts already counted. Rows that another worker holds are left out.
-- Errors: validation_failed. Security definer: callable with the service door only, which has no right on the table.
create or replace function private.claim_auth_events(p_limit integer, p_lease_seconds integer)
returns setof private.auth_events
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if coalesce(p_limit, 0) not between 1 and 1000 or coalesce(p_lease_seconds, 0) not between 1 and 3600 then
        perform private.raise_error('validation_failed', 'Ask for 1 to 1000 events and a lease of 1 to 3600 seconds');
    end if;
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
        set attempts = e.attempts + 1, leased_until = now() + make_interval(secs => p_lease_seconds)
        from due
        where e.id = due.id
        returning e.*
    )

    select c.* from claimed as c order by c.id;
end
$function$;
revoke all on function private.claim_auth_events(integer, integer) from public, anon, authenticated, service_role;
grant execute on function private.claim_auth_events(integer, integer) to service_role;

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
-- Waits 30 s x 2^attempts, at most 6 h; after 12 attempts the event is dead and waits for a person.
-- Returns nothing. Security definer: as private.claim_auth_events.
create or replace function private.fail_auth_event(p_id bigint, p_error text) returns void
language sql
security definer
set search_path = ''
as $function$
    update private.auth_events
    set
        leased_until = null,
        last_error = left(p_error, 500),
        next_attempt_at = now() + least(interval '30 seconds' * power(2, attempts), interval '6 hours'),
        dead_at = case when attempts >= 12 then now() end
    where id = p_id and delivered_at is null
$function$;
revoke all on function private.fail_auth_event(bigint, text) from public, anon, authenticated, service_role;
grant execute on function private.fail_auth_event(bigint, text) to service_role;
