-- The database side of "delete my account": what must hold before, the schedule, its status and its cancellation.
--
-- Why: the deletion of an account cannot be taken back, so the checks and the schedule stand in one transaction with
-- the live-session check. The schedule is a row of private.erasures as every other path writes one; the engine works it
-- off.
-- What stays unchanged: the account itself. Supabase Auth deletes it, asked by the route or, when due, by the drain.
-- All functions are security definer and closed to the Data API; those for users answer for auth.uid() only.

-- One counter a user: two would let somebody guess twice as often.
create unique index if not exists rate_limits_account_deletion_password_key
on public.rate_limits (user_id) where resource = 'account_deletion_password';

-- What the confirmation of the caller's deletion depends on.
-- Returns {"email": text or null, "phone": text or null, "anonymous": boolean, "second_factor": boolean}: the addresses
-- by which Supabase Auth knows the caller now, whether it knows none, and whether a second factor is verified.
-- Errors: token_missing.
-- Security definer: clients have no right on auth.users and auth.mfa_factors. Trust boundary: answers for auth.uid().
create or replace function private.read_sign_in_facts() returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
begin
    return (
        select jsonb_build_object(
            'email', nullif(u.email, ''),
            'phone', nullif(u.phone, ''),
            'anonymous', coalesce(u.is_anonymous, false),
            'second_factor', exists (
                select from auth.mfa_factors as f where f.user_id = u.id and f.status::text = 'verified'
            )
        )
        from auth.users as u
        where u.id = v_caller
    );
end
$function$;
revoke all on function private.read_sign_in_facts() from public, anon, authenticated, service_role;
grant execute on function private.read_sign_in_facts() to authenticated;

-- The organisations that the caller may not leave alone: the caller is their last admin and others are members.
-- Returns (organization_id, name, members), members without the caller. Somebody whose own erasure is open does not
-- count, neither as admin nor as member: otherwise two admins could leave one after the other.
-- Errors: token_missing. Security definer: reads private.erasures. Trust boundary: answers for auth.uid() only.
create or replace function private.list_last_admin_organizations()
returns table (organization_id uuid, name text, members bigint)
language plpgsql
stable
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
begin
    return query
    select o.organization_id, o.name, count(*)
    from public.organization_members as mine
    inner join public.organizations as o on mine.organization_id = o.organization_id
    inner join public.organization_members as other
        on mine.organization_id = other.organization_id and other.user_id <> v_caller
    where
        mine.user_id = v_caller and mine.role = 'admin'
        and not exists (
            select
            from private.erasures as e
            where e.user_id = other.user_id and e.kind = 'user' and e.state not in ('cancelled', 'final')
        )
    group by o.organization_id, o.name
    having count(*) filter (where other.role = 'admin') = 0
    order by o.name, o.organization_id;
end
$function$;
revoke all on function private.list_last_admin_organizations() from public, anon, authenticated, service_role;
grant execute on function private.list_last_admin_organizations() to authenticated;

-- Takes one of the caller's five tries at the password, before the password is looked at, so that tries sent at the
-- same time are counted too. Returns 0 when the try may be made, else the seconds to wait.
-- The count begins anew an hour after the last try that was let through, so that no hour ever sees more than five.
-- Errors: token_missing. Security definer: clients may not write counters. Trust boundary: counts for auth.uid() only.
create or replace function private.take_password_try() returns integer
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
begin
    insert into public.rate_limits as l (user_id, resource, count, window_start, expires_at)
    values (v_caller, 'account_deletion_password', 1, now(), now() + interval '1 hour')
    on conflict (user_id) where resource = 'account_deletion_password' do update
    set
        count = case when l.expires_at <= now() then 1 else l.count + 1 end,
        window_start = case when l.expires_at <= now() then now() else l.window_start end,
        expires_at = now() + interval '1 hour'
    where l.expires_at <= now() or l.count < 5;
    if found then
        return 0;
    end if;
    return (
        -- At most an hour: the last try may have begun after this one.
        select least(3600, greatest(1, ceil(extract(epoch from l.expires_at - now()))))::integer
        from public.rate_limits as l
        where l.user_id = v_caller and l.resource = 'account_deletion_password'
    );
end
$function$;
revoke all on function private.take_password_try() from public, anon, authenticated, service_role;
grant execute on function private.take_password_try() to authenticated;

-- Gives back a try that proved nothing, because Supabase Auth could not tell whether the password is right.
-- Returns nothing. Errors: token_missing. Security definer: as private.take_password_try.
create or replace function private.return_password_try() returns void
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
begin
    update public.rate_limits set count = count - 1
    where user_id = v_caller and resource = 'account_deletion_password' and count > 0;
end
$function$;
revoke all on function private.return_password_try() from public, anon, authenticated, service_role;
grant execute on function private.return_password_try() to authenticated;

-- What may be told of an erasure to whoever may ask for it. p_erasure_id: private.erasures.erasure_id.
-- Returns {"erasure_id", "state", "due": boolean, "requested_at", "effective_at", "provisional_at", "late_sweep_at",
-- "finished_at", "counts_before", "counts_after", "receipt": the newest one as signed, or null}; null when there is
-- none.
-- Security definer: the tables are closed to clients. Trust boundary: called by the functions below only.
create or replace function private.describe_erasure(p_erasure_id uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $function$
    select jsonb_build_object(
        'erasure_id', e.erasure_id,
        'state', e.state,
        'due', e.effective_at <= now(),
        'requested_at', e.requested_at,
        'effective_at', e.effective_at,
        'provisional_at', e.provisional_at,
        'late_sweep_at', e.late_sweep_at,
        'finished_at', e.finished_at,
        'counts_before', e.counts_before,
        'counts_after', e.counts_after,
        'receipt', (
            select r.receipt
            from private.erasure_receipts as r
            where r.erasure_id = e.erasure_id
            order by r.sequence desc
            limit 1
        )
    )
    from private.erasures as e
    where e.erasure_id = p_erasure_id
$function$;
revoke all on function private.describe_erasure(uuid) from public, anon, authenticated, service_role;

-- Tells whether an erasure only waits for its time: it is not due and nobody works on it.
-- p_erasure: the row. Returns a boolean. Not security definer: it reads nothing but the row.
create or replace function private.is_cancellable(p_erasure private.erasures) returns boolean
language sql
stable
set search_path = ''
as $function$
    select
        p_erasure.state = 'scheduled' and p_erasure.effective_at > now()
        and (p_erasure.leased_until is null or p_erasure.leased_until <= now())
$function$;
revoke all on function private.is_cancellable(private.erasures) from public, anon, authenticated, service_role;

-- Schedules the deletion of the caller's account, or joins the job that is open.
-- p_effective_at: when; null is now. p_status_token_hash: hex SHA-256 of the status token, which replaces the old one.
-- A job that is not due yet takes the new time; one that gave up before it began is taken up again. The count of tries
-- at the password ends with it: the caller is proven.
-- Returns what private.describe_erasure does. Errors: token_missing; validation_failed (no hash); last_admin.
-- Security definer: the table is closed to clients. Trust boundary: the user is auth.uid(); the caller's proof is the
-- route's business.
create or replace function private.schedule_account_deletion(p_effective_at timestamptz, p_status_token_hash text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_effective_at timestamptz := greatest(coalesce(p_effective_at, now()), now());
    v_names text;
    v_erasure_id uuid;
begin
    if coalesce(p_status_token_hash, '') !~ '^[0-9a-f]{64}$' then
        perform private.raise_error('validation_failed', 'The status token has no SHA-256 hash');
    end if;
    -- Two admins who leave at the same time pass here one after the other, and the second sees the first.
    perform
    from public.organizations as o
    where o.organization_id in (
        select m.organization_id
        from public.organization_members as m
        where m.user_id = v_caller and m.role = 'admin'
    )
    order by o.organization_id
    for update;
    select string_agg(o.name, ', ') into v_names from private.list_last_admin_organizations() as o;
    if v_names is not null then
        perform private.raise_error(
            'last_admin',
            'You are the last admin of ' || v_names
            || '. Make another member an admin, or remove the other members, then try again'
        );
    end if;

    insert into private.erasures as e (
        kind, user_id, origin, state, effective_at, next_attempt_at, status_token_hash
    )
    values ('user', v_caller, 'account', 'scheduled', v_effective_at, v_effective_at, p_status_token_hash)
    on conflict (user_id) where kind = 'user' and state not in ('cancelled', 'final') do update
    set
        status_token_hash = excluded.status_token_hash,
        state = case when e.state = 'dead' then 'scheduled' else e.state end,
        attempts = case when e.state = 'dead' then 0 else e.attempts end,
        effective_at = case
            when e.state = 'dead' or private.is_cancellable(e) then excluded.effective_at else e.effective_at
        end,
        next_attempt_at = case
            when e.state = 'dead' or private.is_cancellable(e) then excluded.effective_at else e.next_attempt_at
        end
    returning e.erasure_id into v_erasure_id;
    delete from public.rate_limits where user_id = v_caller and resource = 'account_deletion_password';
    return private.describe_erasure(v_erasure_id);
end
$function$;
revoke all on function private.schedule_account_deletion(timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function private.schedule_account_deletion(timestamptz, text) to authenticated;

-- The caller's newest erasure. Returns what private.describe_erasure does, null when there never was one.
-- Errors: token_missing. Security definer: the table is closed to clients. Trust boundary: answers for auth.uid() only.
create or replace function private.read_own_erasure() returns jsonb
language sql
stable
security definer
set search_path = ''
as $function$
    select private.describe_erasure((
        select e.erasure_id
        from private.erasures as e
        where e.user_id = private.require_caller() and e.kind = 'user'
        order by e.state in ('cancelled', 'final'), e.requested_at desc
        limit 1
    ))
$function$;
revoke all on function private.read_own_erasure() from public, anon, authenticated, service_role;
grant execute on function private.read_own_erasure() to authenticated;

-- The erasure a status token speaks of. p_status_token_hash: hex SHA-256 of the token.
-- Returns what private.describe_erasure does, null when the token is unknown or was replaced.
-- Security definer: called through the service door, which may become a role of its own with no right on the table.
create or replace function private.read_erasure_by_token(p_status_token_hash text) returns jsonb
language sql
stable
security definer
set search_path = ''
as $function$
    select private.describe_erasure((
        select e.erasure_id from private.erasures as e where e.status_token_hash = p_status_token_hash
    ))
$function$;
revoke all on function private.read_erasure_by_token(text) from public, anon, authenticated, service_role;

-- Cancels an erasure that only waits for its time. p_erasure_id: which.
-- Returns what private.describe_erasure does; one that is cancelled already comes back unchanged, null when there is
-- none. Errors: erasure_not_cancellable (due, under way, finished).
-- Security definer: the table is closed to clients. Trust boundary: called by the two functions below only.
create or replace function private.cancel_erasure(p_erasure_id uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_erasure private.erasures;
begin
    select e.* into v_erasure from private.erasures as e where e.erasure_id = p_erasure_id for update;
    if private.is_cancellable(v_erasure) then
        update private.erasures set state = 'cancelled', finished_at = now() where erasure_id = p_erasure_id;
    elsif v_erasure.state <> 'cancelled' then
        perform private.raise_error(
            'erasure_not_cancellable',
            'The deletion has begun and cannot be taken back. Ask for its status instead'
        );
    end if;
    return private.describe_erasure(p_erasure_id);
end
$function$;
revoke all on function private.cancel_erasure(uuid) from public, anon, authenticated, service_role;

-- Cancels the caller's newest erasure. Returns and raises what private.cancel_erasure does; token_missing.
-- Security definer: the table is closed to clients. Trust boundary: answers for auth.uid() only.
create or replace function private.cancel_own_erasure() returns jsonb
language sql
security definer
set search_path = ''
as $function$
    select private.cancel_erasure((private.read_own_erasure() ->> 'erasure_id')::uuid)
$function$;
revoke all on function private.cancel_own_erasure() from public, anon, authenticated, service_role;
grant execute on function private.cancel_own_erasure() to authenticated;

-- Cancels the erasure a status token speaks of. p_status_token_hash: hex SHA-256 of the token.
-- Returns and raises what private.cancel_erasure does. Security definer: as private.read_erasure_by_token.
create or replace function private.cancel_erasure_by_token(p_status_token_hash text) returns jsonb
language sql
security definer
set search_path = ''
as $function$
    select private.cancel_erasure((private.read_erasure_by_token(p_status_token_hash) ->> 'erasure_id')::uuid)
$function$;
revoke all on function private.cancel_erasure_by_token(text) from public, anon, authenticated, service_role;
