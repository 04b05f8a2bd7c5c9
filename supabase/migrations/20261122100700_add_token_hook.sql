-- The custom access token hook: trustworthy, small claims in every access token.
--
-- Why: Supabase Auth puts both metadata objects whole into the token. A user can inflate user_metadata until no header
-- holds the token, and the only email_verified in it is one that the user can write. The hook keeps our keys only,
-- holds them within 1,024 bytes, and adds email_verified and user_created_at from auth.users.
-- What stays unchanged: every other claim. Without the hook everything works; email_verified then counts as false.
-- Supabase Auth calls the function as supabase_auth_admin, inside the login, with a time limit of 2 s that cannot be
-- caught: so no network, one read by primary key, and an answer on every error that can be caught.

-- Cuts both metadata objects to our keys and to 1,024 bytes.
-- user_meta, app_meta: any jsonb or null; what is no object counts as {}.
-- Returns {"user_metadata": object, "app_metadata": object} with
-- octet_length(user_metadata::text) + octet_length(app_metadata::text) <= 1024.
-- Keys kept: user display_name, industry, job_title (strings), onboarding_completed, email_consent (booleans), pref_<name>
-- (name ~ ^[a-z][a-z0-9_]{0,39}$; string of at most 200 characters, number or boolean); app tier, permissions,
-- organization_id, role, provider, providers. Everything else goes first and does not count, and so does a value that
-- alone takes more than the budget (jsonb_object_agg takes seconds for a large object). Over the budget keys are
-- dropped one by one until it fits, in this order: pref_* from the last name to the first (by byte), job_title, industry,
-- display_name, providers, provider, permissions, role, organization_id, tier, email_consent, onboarding_completed.
-- The same rule stands in shared/auth/metadata.ts; a property test compares them.
-- Not security definer: it reads its arguments only.
create or replace function private.fit_metadata(user_meta jsonb, app_meta jsonb) returns jsonb
language plpgsql
immutable
set search_path = ''
as $function$
declare
    v_user jsonb := '{}'::jsonb;
    v_app jsonb := '{}'::jsonb;
    v_preferences text[];
    v_key text;
    v_excess integer;
begin
    if jsonb_typeof(user_meta) = 'object' then
        with kept as (
            select e.key, e.value
            from jsonb_each(user_meta) as e
            where
                octet_length(e.value::text) <= 1024
                and case
                    when e.key in ('display_name', 'industry', 'job_title') then jsonb_typeof(e.value) = 'string'
                    when e.key in ('onboarding_completed', 'email_consent') then jsonb_typeof(e.value) = 'boolean'
                    when e.key ~ '^pref_[a-z][a-z0-9_]{0,39}$' then
                        jsonb_typeof(e.value) in ('number', 'boolean')
                        or (jsonb_typeof(e.value) = 'string' and char_length(e.value #>> '{}') <= 200)
                    else false
                end
        ),

        -- 1,024 bytes hold at most 78 preferences, and the first by name stay longest. To take tens of thousands away one
        -- by one would last minutes, and a user could lock the account out and keep the database busy.
        bounded as (
            select k.key, k.value
            from kept as k
            where not starts_with(k.key, 'pref_')
            union all
            (
                select k.key, k.value
                from kept as k
                where starts_with(k.key, 'pref_')
                order by k.key collate "C"
                limit 100
            )
        )

        select
            coalesce(jsonb_object_agg(b.key, b.value), '{}'::jsonb),
            coalesce(
                array_agg(b.key order by b.key collate "C" desc) filter (where starts_with(b.key, 'pref_')),
                array[]::text[]
            )
        into v_user, v_preferences
        from bounded as b;
    end if;
    if jsonb_typeof(app_meta) = 'object' then
        select coalesce(jsonb_object_agg(e.key, e.value), '{}'::jsonb) into v_app
        from jsonb_each(app_meta) as e
        where
            e.key in ('tier', 'permissions', 'organization_id', 'role', 'provider', 'providers')
            and octet_length(e.value::text) <= 1024;
    end if;

    -- The two objects share no key, so that a name can be taken from both. The text is measured once: a name of a
    -- megabyte would otherwise be written out again for every key.
    v_excess := octet_length(v_user::text) + octet_length(v_app::text) - 1024;
    foreach v_key in array coalesce(v_preferences, array[]::text[]) || array[
        'job_title', 'industry', 'display_name', 'providers', 'provider', 'permissions', 'role', 'organization_id',
        'tier', 'email_consent', 'onboarding_completed'
    ] loop
        exit when v_excess <= 0;
        continue when not (v_user ? v_key or v_app ? v_key);
        v_excess := v_excess - octet_length('"' || v_key || '": ' || coalesce(v_user -> v_key, v_app -> v_key)::text);
        if v_user ? v_key then
            v_user := v_user - v_key;
            v_excess := v_excess - case when v_user = '{}'::jsonb then 0 else octet_length(', ') end;
        else
            v_app := v_app - v_key;
            v_excess := v_excess - case when v_app = '{}'::jsonb then 0 else octet_length(', ') end;
        end if;
    end loop;
    return jsonb_build_object('user_metadata', v_user, 'app_metadata', v_app);
end
$function$;
revoke all on function private.fit_metadata(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function private.fit_metadata(jsonb, jsonb) to supabase_auth_admin;

-- The hook. event: {"user_id": uuid, "claims": object, "authentication_method": text}, as Supabase Auth sends it.
-- Returns {"claims": object}: the claims of the event with user_metadata and app_metadata cut by private.fit_metadata,
-- email_verified (boolean) and user_created_at (ISO 8601 in UTC with milliseconds, null for an unknown user).
-- Never fails on an error that can be caught: then user_metadata is {}, app_metadata is cut to our keys or {},
-- email_verified is false and user_created_at is null, and the login goes on.
-- Supabase Auth refuses what a hook answers when iss, nbf or amr are null, though it may send amr so for a session without
-- a method, and when email or phone is missing. So these three are dropped when null, and those two are '' then. No other
-- claim is invented.
-- Not security definer: supabase_auth_admin owns auth.users.
create or replace function public.custom_access_token_hook(event jsonb) returns jsonb
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_claims jsonb;
    v_verified boolean;
    v_created_at text;
    v_app jsonb;
    v_name text;
begin
    v_claims := case when jsonb_typeof(event -> 'claims') = 'object' then event -> 'claims' else '{}'::jsonb end;
    foreach v_name in array array['iss', 'nbf', 'amr', 'email', 'phone'] loop
        if jsonb_typeof(v_claims -> v_name) = 'null' then
            v_claims := v_claims - v_name;
        end if;
    end loop;
    v_claims := '{"email": "", "phone": ""}'::jsonb || v_claims;

    begin
        if jsonb_typeof(event -> 'claims') is distinct from 'object' then
            raise exception 'the event carries no claims';
        end if;
        select
            u.email_confirmed_at is not null,
            to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        into v_verified, v_created_at
        from auth.users as u
        where u.id = (event ->> 'user_id')::uuid;
        return jsonb_build_object(
            'claims',
            v_claims
            || private.fit_metadata(v_claims -> 'user_metadata', v_claims -> 'app_metadata')
            || jsonb_build_object(
                'email_verified', coalesce(v_verified, false),
                'user_created_at', v_created_at
            )
        );
    exception when others then
        raise warning 'custom_access_token_hook fell back to bare claims: % (%)', sqlerrm, sqlstate;
    end;

    -- Written out and not shared with private.fit_metadata: that function may be what failed.
    v_app := '{}'::jsonb;
    if jsonb_typeof(v_claims -> 'app_metadata') = 'object' then
        select coalesce(jsonb_object_agg(e.key, e.value), '{}'::jsonb) into v_app
        from jsonb_each(v_claims -> 'app_metadata') as e
        where
            e.key in ('tier', 'permissions', 'organization_id', 'role', 'provider', 'providers')
            and octet_length(e.value::text) <= 1024;
    end if;
    if octet_length(v_app::text) > 1022 then
        v_app := '{}'::jsonb;
    end if;
    return jsonb_build_object(
        'claims',
        v_claims
        || jsonb_build_object(
            'user_metadata', '{}'::jsonb, 'app_metadata', v_app,
            'email_verified', false, 'user_created_at', null
        )
    );
end
$function$;
revoke all on function public.custom_access_token_hook(jsonb) from public, anon, authenticated, service_role;
grant usage on schema public to supabase_auth_admin;
grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin;
