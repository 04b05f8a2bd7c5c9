-- The live-session check and the tombstones of erased users.
--
-- Why: an access token stays valid until it expires, although its user was deleted, banned, signed out or is being
-- erased. One statement by primary keys tells; the functions ask it when a request opens, and a restrictive policy
-- (20261122101000) asks it for clients of the Data API.
-- What stays unchanged: auth.users and auth.sessions are read only.

-- One row for each user whose erasure has begun. It outlives the user, so that late rows and restored backups are seen.
create table if not exists private.erased_users (
    user_id uuid not null,
    erased_at timestamptz not null default now(),
    constraint erased_users_pkey primary key (user_id)
);
alter table private.erased_users enable row level security;
revoke all on table private.erased_users from public, anon, authenticated, service_role;

create table if not exists private.erasures (
    erasure_id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    state text not null default 'running',
    requested_at timestamptz not null default now(),
    finished_at timestamptz,
    counts_before jsonb not null default '{}'::jsonb,
    counts_after jsonb,
    last_error text,
    constraint erasures_pkey primary key (erasure_id),
    constraint erasures_user_id_key unique (user_id),
    constraint erasures_state_check check (state in ('running', 'completed'))
);
alter table private.erasures enable row level security;
revoke all on table private.erasures from public, anon, authenticated, service_role;

-- Tells whether a session of a user may still act. Returns 'live' or 'revoked'.
-- 'live' needs: the session row is there and belongs to the user, its not_after has not passed, the user is neither
-- banned nor soft-deleted nor being erased. A null argument is 'revoked'.
-- Security definer: callers have no right on auth.sessions, auth.users and private.erased_users.
-- Trust boundary: both ids must fit together, so that nothing is learned by guessing.
create or replace function private.session_state(p_user uuid, p_session uuid) returns text
language sql
stable
security definer
set search_path = ''
as $function$
    select case
        when exists (
            select
            from auth.sessions as s
            inner join auth.users as u on s.user_id = u.id
            where
                s.id = p_session and s.user_id = p_user
                and (s.not_after is null or s.not_after > now())
                and (u.banned_until is null or u.banned_until <= now())
                and u.deleted_at is null
        ) and not exists (select from private.erased_users as e where e.user_id = p_user) then 'live'
        else 'revoked'
    end
$function$;
revoke all on function private.session_state(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function private.session_state(uuid, uuid) to authenticated;

-- Tells whether the session of the current token may still act. Returns a boolean, false without a token.
-- Security definer: as private.session_state. Trust boundary: answers for auth.jwt() only.
create or replace function private.session_is_live() returns boolean
language sql
stable
security definer
set search_path = ''
as $function$
    select coalesce(
        private.session_state((select auth.uid()), ((select auth.jwt()) ->> 'session_id')::uuid) = 'live', false
    )
$function$;
revoke all on function private.session_is_live() from public, anon, authenticated, service_role;
grant execute on function private.session_is_live() to authenticated;
