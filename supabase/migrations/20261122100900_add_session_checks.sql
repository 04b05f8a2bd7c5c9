-- The records of erasures, the tombstones of erased users, and the live-session check that asks them.
--
-- Why: an access token stays valid until it expires, although its user was deleted, banned, signed out or is being
-- erased. One statement by primary keys tells; the functions ask it when a request opens, and a restrictive policy
-- (20261122101000) asks it for clients of the Data API. An erasure outlives the user, resumes after a stop and is
-- proven afterwards, so its state, its keys and its receipts are rows of their own.
-- What stays unchanged: auth.users and auth.sessions are read only. audit_events gains one column: who an event was
-- about is kept as a keyed pseudonym when the user goes.

-- One row for each user whose erasure has begun. It outlives the user, so that late rows and restored backups are seen.
-- subject: hex HMAC-SHA256 of 'user:' and the id under HEIMDEX_PSEUDONYM_KEY. user_id is there until the late sweep is
-- done; afterwards nothing in the row names a person.
create table if not exists private.erased_users (
    subject text not null,
    user_id uuid,
    erased_at timestamptz not null default now(),
    constraint erased_users_pkey primary key (subject),
    constraint erased_users_user_id_key unique (user_id),
    constraint erased_users_subject_check check (subject ~ '^[0-9a-f]{64}$')
);
alter table private.erased_users enable row level security;
revoke all on table private.erased_users from public, anon, authenticated, service_role;

-- One row for each erasure: of a user, or of one person a user named. user_id and person_id are null once final.
-- step and cursor: where a run takes up. leased_until and lease_id: which process works on it. counts_before,
-- counts_after, erased: {"tables": {name: rows}, "buckets": {name: {"objects", "bytes"}}}. leftovers: [{"what",
-- "reason"}], what the project's role may not delete. organizations: those that go with the user, their last member.
create table if not exists private.erasures (
    erasure_id uuid not null default gen_random_uuid(),
    kind text not null,
    user_id uuid,
    person_id uuid,
    subject text,
    origin text not null,
    state text not null,
    step text,
    cursor jsonb not null default '{}'::jsonb,
    organizations uuid[] not null default '{}',
    requested_at timestamptz not null default now(),
    effective_at timestamptz not null default now(),
    started_at timestamptz,
    provisional_at timestamptz,
    late_sweep_at timestamptz,
    finished_at timestamptz,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    leased_until timestamptz,
    lease_id uuid,
    last_error text,
    counts_before jsonb,
    counts_after jsonb,
    erased jsonb,
    leftovers jsonb not null default '[]'::jsonb,
    status_token_hash text,
    constraint erasures_pkey primary key (erasure_id),
    constraint erasures_status_token_hash_key unique (status_token_hash),
    constraint erasures_kind_check check (kind in ('user', 'person')),
    constraint erasures_origin_check check (
        origin in ('account', 'event', 'webhook', 'orphan', 'reapply', 'person')
    ),
    constraint erasures_state_check check (
        state in ('scheduled', 'held', 'pending', 'running', 'provisional', 'final', 'cancelled', 'dead')
    ),
    -- An open job knows whom it erases.
    constraint erasures_subject_check check (
        state in ('final', 'cancelled') or (user_id is not null and (kind = 'user' or person_id is not null))
    )
);
-- One open job a user and one a person: every path joins it.
create unique index if not exists erasures_open_user_key
on private.erasures (user_id) where kind = 'user' and state not in ('cancelled', 'final');
create unique index if not exists erasures_open_person_key
on private.erasures (person_id) where kind = 'person' and state not in ('cancelled', 'final');
create index if not exists idx_erasures_user_id on private.erasures (user_id);
create index if not exists idx_erasures_subject on private.erasures (subject);
create index if not exists idx_erasures_due
on private.erasures (next_attempt_at) where state in ('scheduled', 'pending', 'running', 'provisional');
alter table private.erasures enable row level security;
revoke all on table private.erasures from public, anon, authenticated, service_role;

-- The objects of an erasure, collected before the rows that name them go. removed_at: when Storage said it is gone.
create table if not exists private.erasure_objects (
    erasure_id uuid not null,
    bucket text not null,
    key text not null,
    reason text not null,
    bytes bigint not null default 0,
    removed_at timestamptz,
    constraint erasure_objects_pkey primary key (erasure_id, bucket, key),
    constraint erasure_objects_erasure_id_fkey foreign key (erasure_id)
    references private.erasures (erasure_id) on delete cascade,
    constraint erasure_objects_reason_check check (reason in ('table', 'prefix', 'owner'))
);
create index if not exists idx_erasure_objects_waiting
on private.erasure_objects (erasure_id, bucket, key) where removed_at is null;
alter table private.erasure_objects enable row level security;
revoke all on table private.erasure_objects from public, anon, authenticated, service_role;

-- The chain of receipts, each naming the hash of the one before. receipt: canonical JSON (RFC 8785) with its signature,
-- without personal data. It has no foreign key: a receipt outlives everything it tells of. copied_at: null until its copy
-- lies in bucket receipts.
create table if not exists private.erasure_receipts (
    sequence bigint not null,
    erasure_id uuid not null,
    stage text not null,
    receipt text not null,
    hash text not null,
    previous_hash text,
    created_at timestamptz not null default now(),
    copied_at timestamptz,
    constraint erasure_receipts_pkey primary key (sequence),
    constraint erasure_receipts_hash_key unique (hash),
    constraint erasure_receipts_erasure_id_stage_key unique (erasure_id, stage),
    constraint erasure_receipts_stage_check check (stage in ('provisional', 'final'))
);
create index if not exists idx_erasure_receipts_uncopied on private.erasure_receipts (sequence) where copied_at is null;
alter table private.erasure_receipts enable row level security;
revoke all on table private.erasure_receipts from public, anon, authenticated, service_role;

-- The keyed pseudonym of the user an event was about, written when user_id goes.
alter table public.audit_events add column if not exists user_subject text;

-- Tells whether a session of a user may still act. Returns 'live' or 'revoked'.
-- 'live' needs: the session row is there and belongs to the user, its not_after has not passed, the user is neither
-- banned nor soft-deleted nor being erased. A null argument is 'revoked'.
-- Security definer: callers have no right on auth.sessions, auth.users and private.erased_users.
-- Trust boundary: both ids must fit together, so that nothing is learned by guessing.
create or replace function private.session_state(p_user uuid, p_session uuid) returns text
language plpgsql
stable
security definer
set search_path = ''
as $function$
begin
    return case
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
    end;
end
$function$;
revoke all on function private.session_state(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function private.session_state(uuid, uuid) to authenticated;

-- Tells whether the session of the current token may still act. Returns a boolean, false without a token.
-- Security definer: as private.session_state. Trust boundary: answers for auth.jwt() only.
create or replace function private.session_is_live() returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $function$
begin
    return coalesce(
        private.session_state(auth.uid(), (auth.jwt() ->> 'session_id')::uuid) = 'live', false
    );
end
$function$;
revoke all on function private.session_is_live() from public, anon, authenticated, service_role;
grant execute on function private.session_is_live() to authenticated;
