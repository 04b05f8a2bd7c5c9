-- Consents and analytics of users.
--
-- Why: what a user agreed to must be provable (which text, when, when withdrawn), and the user can write user_metadata,
-- so it proves nothing. Analytics hold events without names, addresses or free text.
-- What stays unchanged: all existing tables. user_id is a plain UUID of Supabase Auth without a foreign key.

-- One row for each grant and each withdrawal; the newest row of a kind tells what holds now.
create table if not exists public.consents (
    consent_id bigint generated always as identity,
    user_id uuid not null,
    kind text not null,
    text_version text not null,
    granted_at timestamptz,
    withdrawn_at timestamptz,
    constraint consents_pkey primary key (consent_id),
    constraint consents_kind_check check (kind in ('email', 'face')),
    constraint consents_text_version_check check (char_length(text_version) between 1 and 100),
    constraint consents_one_time_check check (num_nonnulls(granted_at, withdrawn_at) = 1)
);
create index if not exists idx_consents_user_id on public.consents (user_id, kind, consent_id desc);
alter table public.consents enable row level security;
revoke all on table public.consents from public, anon, authenticated, service_role;
grant select on table public.consents to authenticated;
grant select, insert, delete on table public.consents to service_role;

-- Refuses a change of a consent. Trigger function, not security definer. Deleting stays possible: an erasure needs it.
create or replace function private.refuse_consent_change() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    perform private.raise_error('forbidden', 'A consent cannot be changed. Record a new one');
    return null;
end
$function$;
revoke all on function private.refuse_consent_change() from public, anon, authenticated, service_role;
create or replace trigger consents_refuse_change
before update on public.consents
for each row execute function private.refuse_consent_change();

create table if not exists public.user_analytics (
    event_id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    event_type text not null,
    event_data jsonb not null default '{}'::jsonb,
    created_at timestamptz not null default now(),
    constraint user_analytics_pkey primary key (event_id),
    constraint user_analytics_event_type_check check (char_length(event_type) between 1 and 127)
);
create index if not exists idx_user_analytics_user_id on public.user_analytics (user_id, created_at);
-- An event may be delivered twice; a user is onboarded once.
create unique index if not exists user_analytics_onboarded_key
on public.user_analytics (user_id) where event_type = 'onboarded';
alter table public.user_analytics enable row level security;
revoke all on table public.user_analytics from public, anon, authenticated, service_role;
grant select on table public.user_analytics to authenticated;
grant select, insert, update, delete on table public.user_analytics to service_role;

-- Records that the caller gave or withdrew a consent.
-- p_kind: 'email' or 'face'. p_granted: true gives, false withdraws. p_text_version: the version of the text shown.
-- Returns the row that holds now; a repeated call with the same words adds nothing. Withdrawing what was never given
-- adds a row too: it is a statement of the user.
-- Errors: token_missing; validation_failed (unknown kind, version not of 1 to 100 characters).
-- Security definer: clients have no right to insert, otherwise they could date a consent back.
-- Trust boundary: the owner is auth.uid(), the time is the server's.
create or replace function private.record_consent(p_kind text, p_granted boolean, p_text_version text)
returns public.consents
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_latest public.consents;
begin
    if p_kind is null or p_kind not in ('email', 'face') or p_granted is null
        or coalesce(char_length(p_text_version), 0) not between 1 and 100 then
        perform private.raise_error('validation_failed', 'A consent needs a kind, a decision and a text version');
    end if;
    perform pg_advisory_xact_lock(hashtextextended('consent:' || v_caller::text || ':' || p_kind, 0));
    select c.* into v_latest
    from public.consents as c
    where c.user_id = v_caller and c.kind = p_kind
    order by c.consent_id desc
    limit 1;
    if v_latest.consent_id is not null and v_latest.text_version = p_text_version
        and (v_latest.granted_at is not null) = p_granted then
        return v_latest;
    end if;
    insert into public.consents (user_id, kind, text_version, granted_at, withdrawn_at)
    values (
        v_caller, p_kind, p_text_version,
        case when p_granted then now() end, case when not p_granted then now() end
    )
    returning * into v_latest;
    return v_latest;
end
$function$;
revoke all on function private.record_consent(text, boolean, text) from public, anon, authenticated, service_role;
grant execute on function private.record_consent(text, boolean, text) to authenticated;
