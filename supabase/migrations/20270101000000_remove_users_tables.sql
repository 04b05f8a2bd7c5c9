-- Removes users, refresh_tokens, email_verification_tokens and user_tier: from here on Supabase Auth alone knows users.
--
-- Why last: it is the one step that a failure before it must not reach. It refuses, without any change, while a legacy
-- user is not exported to Supabase Auth and verified there. Its timestamp lies ahead of all others to keep that place
-- (docs/adr/0009-remove-the-users-tables-last.md).
-- With no legacy user (a fresh database) the empty tables are dropped. With verified users user_id in videos,
-- face_profiles, audit_events and rate_limits changes from the legacy id to the id in Supabase Auth, and the three tables
-- move to the closed schema legacy_archive, where a rollback finds them. Rows of audit_events and rate_limits whose user
-- was gone before the export keep their id: it names nobody.
-- What stays unchanged: every row of data, and the rows a user has. Never cascade: what still depends on these tables
-- must stop the push, not vanish. On a large database the update locks videos and face_profiles while it runs.
-- The message of a refusal says what to do, because a push does not print hints.

do $migration$
declare
    v_users bigint;
    v_missing bigint;
    v_relation text;
    v_constraint record;
    v_before bigint;
    v_after bigint;
begin
    if exists (select from private.legacy_removals) then
        return;
    end if;
    if pg_catalog.to_regclass('public.users') is null then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: public.users is not there, but its removal was never recorded. '
            || 'Restore the table and push again. Nothing was changed';
    end if;

    lock table public.users in share row exclusive mode;
    select count(*) into v_users from public.users;
    select count(*) into v_missing
    from public.users as u
    left join private.legacy_exports as e on u.user_id = e.legacy_user_id and e.verified_at is not null
    where e.legacy_user_id is null;
    if v_missing > 0 then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: ' || v_missing || ' of ' || v_users || ' legacy users are not '
            || 'exported to Supabase Auth and verified. Run "npx heimdex legacy export", then "npx heimdex legacy '
            || 'verify", and push again. Nothing was changed';
    end if;
    if v_users > 0 and not coalesce(
        (select v.passed from private.legacy_verifications as v order by v.started_at desc limit 1), false
    ) then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: the last verification did not pass. Run "npx heimdex legacy '
            || 'verify" until it reports no mismatch, and push again. Nothing was changed';
    end if;
    select count(*) into v_missing
    from private.legacy_exports as e
    inner join public.users as u on e.legacy_user_id = u.user_id
    where not exists (select from auth.users as a where a.id = e.supabase_user_id)
        or (u.supabase_user_id is not null and u.supabase_user_id <> e.supabase_user_id);
    if v_missing > 0 then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: ' || v_missing || ' exported users are not in Supabase Auth, or '
            || 'the legacy row names another account. Run "npx heimdex legacy verify" to see them. Nothing was changed';
    end if;

    for v_constraint in
        select n.nspname, r.relname, c.conname
        from pg_catalog.pg_constraint as c
        inner join pg_catalog.pg_class as r on c.conrelid = r.oid
        inner join pg_catalog.pg_namespace as n on r.relnamespace = n.oid
        where
            c.contype = 'f' and c.confrelid = 'public.users'::regclass
            and r.relname in ('videos', 'face_profiles') and n.nspname = 'public'
    loop
        execute pg_catalog.format(
            'alter table %I.%I drop constraint %I', v_constraint.nspname, v_constraint.relname, v_constraint.conname);
    end loop;

    if v_users > 0 then
        foreach v_relation in array array['videos', 'face_profiles', 'audit_events', 'rate_limits'] loop
            execute pg_catalog.format(
                'select count(*) from public.%I as t inner join private.legacy_exports as e '
                'on t.user_id = e.legacy_user_id', v_relation) into v_before;
            execute pg_catalog.format(
                'update public.%I as t set user_id = e.supabase_user_id '
                'from private.legacy_exports as e where t.user_id = e.legacy_user_id', v_relation);
            get diagnostics v_after = row_count;
            if v_before <> v_after then
                raise exception using
                    errcode = 'HD000',
                    message = 'Cannot remove the users tables: ' || v_relation || ' has ' || v_before || ' rows of '
                    || 'legacy users, but ' || v_after || ' were given their new owner. Nothing was changed';
            end if;
        end loop;
        select count(*) into v_missing
        from (select user_id from public.videos union select user_id from public.face_profiles) as owners
        where
            owners.user_id is not null
            and not exists (select from private.legacy_exports as e where e.supabase_user_id = owners.user_id);
        if v_missing > 0 then
            raise exception using
                errcode = 'HD000',
                message = 'Cannot remove the users tables: ' || v_missing || ' owners of videos or people are not among '
                || 'the exported users. Run "npx heimdex legacy plan" to see them. Nothing was changed';
        end if;

        create schema if not exists legacy_archive;
        revoke all on schema legacy_archive from public, anon, authenticated, service_role;
        alter table public.refresh_tokens set schema legacy_archive;
        alter table public.email_verification_tokens set schema legacy_archive;
        alter table public.users set schema legacy_archive;
        alter type public.user_tier set schema legacy_archive;
    else
        drop table public.refresh_tokens;
        drop table public.email_verification_tokens;
        drop table public.users;
        drop type public.user_tier;
    end if;

    insert into private.legacy_removals (users_removed) values (v_users);
end
$migration$;
