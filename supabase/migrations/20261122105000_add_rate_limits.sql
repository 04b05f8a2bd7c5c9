-- Rate limits: one row of public.rate_limits counts one subject on one resource, and one statement takes from it.
--
-- Why: functions run in many isolates that share nothing but the database, so a limit holds only if it is counted here.
-- The window is fixed and begins with the first request: at most p_max in it, however many processes ask at once.
-- What a request took stays taken when its work fails: the functions roll back to a savepoint behind the opening SELECT
-- and commit (shared/database/transact.ts). Only a lost connection gives it back.
-- What stays unchanged: rows and columns of the legacy application, and the counters of uploads and passwords. Rows
-- written here have a subject, legacy rows have none; the unique index binds those with one alone, so it does not care
-- under which name the owner's column goes before and after the removal of the users tables.
-- The functions are closed to every role but that of the functions' connection, which owns them.

-- subject: 'user:' or 'session:' and the id, 'ip:' and the address (of IPv6 the /64 network), 'address:' and an HMAC of
-- the e-mail address. Rows of an IP also fill ip_address, rows of a user user_id.
alter table public.rate_limits add column if not exists subject text;
create unique index if not exists rate_limits_subject_resource_key
on public.rate_limits (subject, resource) where subject is not null;
-- Of our own rows only: what private.sweep_rate_limits looks for. Counting changes no indexed column.
create index if not exists idx_rate_limits_expires_at
on public.rate_limits (expires_at)
where subject is not null or resource in ('video_upload', 'account_deletion_password');

-- Counts one request against a limit.
-- p_subject, p_resource: the row. p_max: requests in a window. p_window_seconds: its length. p_user_id, p_ip_address:
-- the columns of that name. Returns (is_allowed, remaining: requests left in the window, reset_seconds: until it ends,
-- from 1). Nothing is counted for a request that is refused, so refusals do not prolong it.
-- Not security definer: called by the functions below, as the owner of the table.
create or replace function private.take_rate_limit(
    p_subject text, p_resource text, p_max integer, p_window_seconds integer, p_user_id uuid, p_ip_address text
) returns table (is_allowed boolean, remaining integer, reset_seconds integer)
language plpgsql
set search_path = ''
as $function$
declare
    v_now timestamptz := clock_timestamp();
    v_count integer;
    v_expires_at timestamptz;
begin
    -- Whoever sends on after the refusal shall neither write nor wait for a lock. Only the statement below decides who
    -- may pass.
    select l.count, l.expires_at into v_count, v_expires_at
    from public.rate_limits as l
    where l.subject = p_subject and l.resource = p_resource;
    if v_count is null or v_count < p_max or v_expires_at <= v_now then
        insert into public.rate_limits as l (
            subject, resource, user_id, ip_address, count, window_start, expires_at
        )
        values (
            p_subject, p_resource, p_user_id, p_ip_address, 1, v_now, v_now + make_interval(secs => p_window_seconds)
        )
        on conflict (subject, resource) where subject is not null do update
        set
            count = case when l.expires_at <= excluded.window_start then 1 else l.count + 1 end,
            window_start = case
                when l.expires_at <= excluded.window_start then excluded.window_start else l.window_start
            end,
            expires_at = case when l.expires_at <= excluded.window_start then excluded.expires_at else l.expires_at end
        where l.expires_at <= excluded.window_start or l.count < p_max
        returning l.count, l.expires_at into v_count, v_expires_at;
        is_allowed := found;
        if not is_allowed then
            select l.count, l.expires_at into v_count, v_expires_at
            from public.rate_limits as l
            where l.subject = p_subject and l.resource = p_resource;
        end if;
    else
        is_allowed := false;
    end if;
    remaining := greatest(0, p_max - coalesce(v_count, 0));
    reset_seconds := least(
        p_window_seconds, greatest(1, ceil(extract(epoch from coalesce(v_expires_at, v_now) - v_now)))
    );
    return next;
end
$function$;
revoke all on function private.take_rate_limit(text, text, integer, integer, uuid, text)
from public, anon, authenticated, service_role;

-- Opens a request of a user: the session must live, and the request must be within its limit.
-- p_user, p_session: from the verified token. p_limit: null, or {"resource": text, "window_seconds": integer, "max":
-- {tier: integer, with one for "free"}, "reads": boolean, whether the transaction changes nothing else, "by_session":
-- boolean, whether each session has a count of its own}. The tier is the one in auth.users now, not the one in the
-- token.
-- Returns null without p_limit, else {"limit", "remaining", "reset_seconds"}.
-- Errors: session_revoked; rate_limited, whose HINT is the same object. Raised, so that the statement which was sent
-- together with this one is not executed.
-- Not security definer: called before the role is set, as the owner of the tables.
create or replace function private.open_request(p_user uuid, p_session uuid, p_limit jsonb) returns jsonb
language plpgsql
set search_path = ''
as $function$
declare
    v_max integer;
    v_taken record;
    v_state jsonb;
begin
    if private.session_state(p_user, p_session) is distinct from 'live' then
        perform private.raise_error('session_revoked', 'The session has ended, sign in again');
    end if;
    if p_limit is null then
        return null;
    end if;
    select coalesce(p_limit -> 'max' ->> (u.raw_app_meta_data ->> 'tier'), p_limit -> 'max' ->> 'free')::integer
    into v_max
    from auth.users as u
    where u.id = p_user;
    -- Without it a mistake of the caller would mean no limit.
    if v_max is null then
        perform private.raise_error('validation_failed', 'The rate limit needs a maximum for the tier free');
    end if;
    select t.* into v_taken
    from private.take_rate_limit(
        case
            when (p_limit ->> 'by_session')::boolean then 'session:' || p_session::text
            else 'user:' || p_user::text
        end,
        p_limit ->> 'resource', v_max, (p_limit ->> 'window_seconds')::integer, p_user, null
    ) as t;
    v_state := jsonb_build_object(
        'limit', v_max, 'remaining', v_taken.remaining, 'reset_seconds', v_taken.reset_seconds
    );
    if not v_taken.is_allowed then
        raise exception using
            errcode = 'HD000',
            message = 'rate_limited',
            detail = 'The ' || v_max || ' requests of this kind are used. Try again in ' || v_taken.reset_seconds
            || ' s',
            hint = v_state::text;
    end if;
    if (p_limit ->> 'reads')::boolean then
        -- A read shall not wait for the disk because of its counter; a crash forgets at most the last moment of it.
        perform set_config('synchronous_commit', 'off', true);
    end if;
    return v_state;
end
$function$;
revoke all on function private.open_request(uuid, uuid, jsonb) from public, anon, authenticated, service_role;

-- Counts one request of somebody who is not signed in against several limits, in the order given.
-- p_charges: [{"subject": text, "resource": text, "max": integer, "window_seconds": integer, "ip_address": text or
-- null}].
-- Returns one row a charge (place from 1, is_allowed, remaining, reset_seconds), the last of them refused or the last
-- asked for: what stands behind a refusal is not counted, so that one client cannot use up the tries of an address that
-- it is no longer allowed to try. Not security definer: called as the owner of the table.
create or replace function private.take_rate_limits(p_charges jsonb)
returns table (place integer, is_allowed boolean, remaining integer, reset_seconds integer)
language plpgsql
set search_path = ''
as $function$
declare
    v_charge jsonb;
begin
    place := 0;
    -- As in private.open_request.
    perform set_config('synchronous_commit', 'off', true);
    for v_charge in select c.value from jsonb_array_elements(p_charges) as c loop
        place := place + 1;
        select t.is_allowed, t.remaining, t.reset_seconds into is_allowed, remaining, reset_seconds
        from private.take_rate_limit(
            v_charge ->> 'subject', v_charge ->> 'resource', (v_charge ->> 'max')::integer,
            (v_charge ->> 'window_seconds')::integer, null, v_charge ->> 'ip_address'
        ) as t;
        return next;
        exit when not is_allowed;
    end loop;
end
$function$;
revoke all on function private.take_rate_limits(jsonb) from public, anon, authenticated, service_role;

-- Deletes counters whose window is over; once the users tables are removed, those of the quota of uploads and of the
-- tries at a password too: before, a row of that name may be the legacy application's.
-- p_limit: rows at most. Returns how many went. A row that a request holds right now stays for the next sweep.
-- Not security definer: called by the drain, as the owner of the table.
create or replace function private.sweep_rate_limits(p_limit integer) returns bigint
language sql
set search_path = ''
as $function$
    with expired as (
        select l.limit_id
        from public.rate_limits as l
        where
            (l.subject is not null or l.resource in ('video_upload', 'account_deletion_password'))
            and (l.subject is not null or to_regclass('public.users') is null)
            and l.expires_at <= now()
        order by l.expires_at
        limit p_limit
        for update skip locked
    ),

    gone as (
        delete from public.rate_limits as l
        using expired as e
        where l.limit_id = e.limit_id
        returning l.limit_id
    )

    select count(*) from gone
$function$;
revoke all on function private.sweep_rate_limits(integer) from public, anon, authenticated, service_role;
