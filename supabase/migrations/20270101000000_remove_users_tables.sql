-- Removes users, refresh_tokens, email_verification_tokens and user_tier: from here on Supabase Auth alone knows users.
--
-- Why last: it is the one step that a failure before it must not reach. It refuses, without any change, while a legacy
-- user is not exported to Supabase Auth and verified there, or while something is undecided. Its timestamp lies ahead of
-- all others to keep that place (docs/adr/0009-remove-the-users-tables-last.md).
-- With no legacy row (a fresh database) the empty tables and columns are dropped. Else supabase_user_id of videos,
-- face_profiles, audit_events and rate_limits, filled beforehand, takes the name and the place of user_id
-- (docs/adr/0011-swap-owners-through-a-shadow-column.md), and the three tables move to the closed schema legacy_archive,
-- where a rollback finds them, with all else that is dropped: scenes.tsv, counters that repeat, names that repeat.
-- Rows of audit_events and rate_limits whose user was gone before the export keep their id: it names nobody.
-- What stays unchanged: every row of data, and the rows a user has. Never cascade: what still depends on these tables
-- must stop the push, not vanish. Run by heimdex legacy cutover all is filled; run alone it fills what is missing, says
-- so, and locks the tables meanwhile. The message of a refusal says what to do, because a push does not print hints.

-- A hosted project ends statements after two minutes; a push that has to fill takes longer.
set statement_timeout = 0;

do $migration$
declare
    c_owned constant text[] := array['videos', 'face_profiles', 'audit_events', 'rate_limits'];
    v_users bigint;
    v_count bigint;
    v_text text;
    v_empty boolean;
    v_relation text;
    v_row record;
    v_after uuid;
    v_required boolean;
    v_before text[] := '{}';
    v_next text[] := '{}';
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

    -- To wait longer would make every reader wait behind this.
    perform pg_catalog.set_config('lock_timeout', '10s', true);
    perform private.require_moved_users();
    v_empty := not private.has_legacy_rows();

    if v_empty then
        perform private.discard_legacy_owners();
    else
        perform private.prepare_legacy_owners();
        for v_relation in select f.relation from private.list_legacy_fills() as f (relation) loop
            v_count := private.count_legacy_gaps(v_relation);
            continue when v_count = 0;
            raise warning '% rows of % have no new owner yet: they are filled now, which locks the tables until the '
                'push is done. "npx heimdex legacy cutover" fills them beforehand', v_count, v_relation;
            v_after := null;
            loop
                select f.last_key into v_after
                from private.fill_legacy_owners(v_relation, v_after, 100000) as f;
                exit when v_after is null;
            end loop;
        end loop;

        select count(distinct o.user_id) into v_count
        from (
            select v.user_id from public.videos as v where v.user_id is not null and v.supabase_user_id is null
            union all
            select p.user_id from public.face_profiles as p where p.user_id is not null and p.supabase_user_id is null
        ) as o;
        if v_count > 0 then
            raise exception using
                errcode = 'HD000',
                message = 'Cannot remove the users tables: ' || v_count || ' owners of videos or people are not among '
                || 'the exported users. Run "npx heimdex legacy plan" to see them and decide. Nothing was changed';
        end if;
        select count(*) into v_count
        from (
            select from public.face_profiles as p
            where
                p.deleted_at is null
                and not exists (
                    select from private.legacy_decisions as d
                    where
                        d.kind = 'person_names' and d.action = 'suffix'
                        and d.subject in ('*', p.user_id::text, p.supabase_user_id::text, p.person_id::text)
                )
            group by p.supabase_user_id, p.name
            having count(*) > 1
        ) as repeated;
        if v_count > 0 then
            raise exception using
                errcode = 'HD000',
                message = 'Cannot remove the users tables: ' || v_count || ' names of people occur twice for one owner. '
                || 'Rename or merge them, or decide person_names: suffix; see "npx heimdex legacy plan". Nothing was '
                || 'changed';
        end if;

        for v_row in select i.* from private.legacy_owner_indexes() as i where not i.is_ready loop
            raise warning 'Index % is not there yet: it is built now, which locks %', v_row.index_name, v_row.relation;
            execute pg_catalog.format('drop index if exists public.%I', v_row.index_name);
            execute pg_catalog.replace(v_row.statement, ' concurrently ', ' ');
        end loop;

        -- Readers go on; a sign-up or a changed password waits, and must have been exported before.
        lock table public.users in share row exclusive mode;
        perform private.require_moved_users();

        -- Rows whose owner keeps an id that is the new id of another: a rollback must not take them for theirs.
        create table if not exists legacy_archive.kept_owners (
            relation text not null,
            row_id uuid not null,
            user_id uuid not null,
            constraint kept_owners_pkey primary key (relation, row_id)
        );
        create table if not exists legacy_archive.rate_limits (
            limit_id uuid not null,
            user_id uuid,
            ip_address varchar(45),
            resource varchar(127) not null,
            count integer not null,
            window_start timestamptz not null,
            expires_at timestamptz not null,
            constraint rate_limits_pkey primary key (limit_id)
        );
        foreach v_relation in array c_owned loop
            execute pg_catalog.format(
                'insert into legacy_archive.kept_owners (relation, row_id, user_id) '
                'select %1$L, t.%2$I, t.user_id from public.%1$I as t '
                'where t.user_id = t.supabase_user_id '
                'and exists (select from private.legacy_exports as e where e.supabase_user_id = t.user_id) '
                'and not exists (select from private.legacy_exports as e where e.legacy_user_id = t.user_id)',
                v_relation,
                case v_relation
                    when 'videos' then 'video_id' when 'face_profiles' then 'person_id'
                    when 'audit_events' then 'event_id' else 'limit_id'
                end);
        end loop;

        -- The quota of uploads is one counter a user and day; two would let a user upload twice as much. The largest
        -- stays. Writers of these two tables wait from here on, readers do not.
        lock table public.face_profiles, public.rate_limits in share row exclusive mode;
        with repeated as (
            select
                l.limit_id,
                row_number() over (
                    partition by l.supabase_user_id, l.resource, l.window_start order by l.count desc, l.limit_id desc
                ) as place
            from public.rate_limits as l
            where l.supabase_user_id is not null
        ),

        removed as (
            delete from public.rate_limits as l
            using repeated as r
            where r.limit_id = l.limit_id and r.place > 1
            returning l.limit_id, l.user_id, l.ip_address, l.resource, l.count, l.window_start, l.expires_at
        )

        insert into legacy_archive.rate_limits
        select r.* from removed as r;
        for v_row in
            select p.person_id, p.supabase_user_id as owner, p.name
            from (
                select
                    f.person_id,
                    f.supabase_user_id,
                    f.name,
                    row_number() over (
                        partition by f.supabase_user_id, f.name order by f.created_at, f.person_id
                    ) as place
                from public.face_profiles as f
                where f.deleted_at is null
            ) as p
            where p.place > 1
            order by p.supabase_user_id, p.name, p.place
        loop
            v_count := 1;
            loop
                v_count := v_count + 1;
                v_text := ' (' || v_count || ')';
                v_text := pg_catalog.left(v_row.name, 255 - pg_catalog.length(v_text)) || v_text;
                exit when not exists (
                    select from public.face_profiles as p
                    where p.supabase_user_id = v_row.owner and p.name = v_text
                );
            end loop;
            update public.face_profiles set name = v_text where person_id = v_row.person_id;
            insert into private.legacy_renames as r (person_id, old_name, new_name)
            values (v_row.person_id, v_row.name, v_text)
            on conflict (person_id) do update set old_name = excluded.old_name, new_name = excluded.new_name;
        end loop;
        create unique index if not exists face_profiles_user_id_name_key
        on public.face_profiles (supabase_user_id, name) where deleted_at is null;
        create unique index if not exists rate_limits_user_id_resource_window_start_key
        on public.rate_limits (supabase_user_id, resource, window_start) where supabase_user_id is not null;
    end if;

    -- From here on nobody reads either, and only the catalogue changes.
    lock table public.users, public.refresh_tokens, public.email_verification_tokens, public.videos,
        public.face_profiles, public.audit_events, public.rate_limits, public.scenes, public.video_metadata,
        public.jobs, public.scene_people in access exclusive mode;
    if v_empty and private.has_legacy_rows() then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: the legacy application wrote its first rows meanwhile. Stop it '
            || 'and push again. Nothing was changed';
    end if;
    select count(*) into v_users from public.users;
    for v_row in
        select c.conrelid::regclass as relation, c.conname
        from pg_catalog.pg_constraint as c
        where
            c.contype = 'f' and c.confrelid = 'public.users'::regclass
            and c.conrelid in ('public.videos'::regclass, 'public.face_profiles'::regclass)
    loop
        execute pg_catalog.format('alter table %s drop constraint %I', v_row.relation, v_row.conname);
    end loop;

    if v_empty then
        alter table public.videos alter column user_id drop not null;
        create unique index if not exists face_profiles_user_id_name_key
        on public.face_profiles (user_id, name) where deleted_at is null;
        create unique index if not exists rate_limits_user_id_resource_window_start_key
        on public.rate_limits (user_id, resource, window_start) where user_id is not null;
        -- idx_videos_user_created_at begins with the same column; two indexes would only cost writes.
        drop index if exists public.idx_videos_user_id;
    else
        for v_row in select t.relation, t.trigger_name from private.list_legacy_triggers() as t loop
            execute pg_catalog.format('drop trigger if exists %I on public.%I', v_row.trigger_name, v_row.relation);
        end loop;
        -- A row that was written while the checks ran has its owner from the trigger, unless that owner is new.
        select count(*) into v_count
        from public.videos as v
        where v.user_id is not null and v.supabase_user_id is null;
        select v_count + count(*) into v_count
        from public.face_profiles as p
        where p.user_id is not null and p.supabase_user_id is null;
        if v_count > 0 then
            raise exception using
                errcode = 'HD000',
                message = 'Cannot remove the users tables: ' || v_count || ' videos or people were written meanwhile '
                || 'for owners who are not exported. Stop the legacy application and push again. Nothing was changed';
        end if;

        -- What refers to user_id is taken down with its own words and put up again once the name is the new column's.
        for v_row in
            select
                r.relname as relation,
                p.polname as name,
                case when p.polpermissive then 'permissive' else 'restrictive' end as kind,
                case p.polcmd
                    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
                end as command,
                (
                    select pg_catalog.string_agg(
                        case when o.oid = 0 then 'public' else pg_catalog.quote_ident(a.rolname) end, ', '
                    )
                    from pg_catalog.unnest(p.polroles) as o (oid)
                    left join pg_catalog.pg_roles as a on o.oid = a.oid
                ) as roles,
                pg_catalog.pg_get_expr(p.polqual, p.polrelid) as condition,
                pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as checked
            from pg_catalog.pg_policy as p
            inner join pg_catalog.pg_class as r on p.polrelid = r.oid
            where
                r.relnamespace = 'public'::regnamespace and r.relname = any(c_owned)
                and exists (
                    select
                    from pg_catalog.pg_depend as d
                    inner join pg_catalog.pg_attribute as a
                        on d.refobjid = a.attrelid and d.refobjsubid = a.attnum and a.attname = 'user_id'
                    where
                        d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
                        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = p.polrelid
                )
        loop
            v_before := v_before || pg_catalog.format('drop policy %I on public.%I', v_row.name, v_row.relation);
            v_next := v_next || (pg_catalog.format(
                'create policy %I on public.%I as %s for %s to %s',
                v_row.name, v_row.relation, v_row.kind, v_row.command, v_row.roles)
                || coalesce(' using (' || v_row.condition || ')', '')
                || coalesce(' with check (' || v_row.checked || ')', ''));
        end loop;
        for v_row in
            select t.tgname as name, r.relname as relation, pg_catalog.pg_get_triggerdef(t.oid) as definition,
                t.tgenabled = 'D' as is_off
            from pg_catalog.pg_trigger as t
            inner join pg_catalog.pg_class as r on t.tgrelid = r.oid
            where
                not t.tgisinternal and r.relnamespace = 'public'::regnamespace and r.relname = any(c_owned)
                and exists (
                    select
                    from pg_catalog.pg_depend as d
                    inner join pg_catalog.pg_attribute as a
                        on d.refobjid = a.attrelid and d.refobjsubid = a.attnum and a.attname = 'user_id'
                    where
                        d.classid = 'pg_catalog.pg_trigger'::regclass and d.objid = t.oid
                        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.tgrelid
                )
        loop
            v_before := v_before || pg_catalog.format('drop trigger %I on public.%I', v_row.name, v_row.relation);
            v_next := v_next || v_row.definition;
            if v_row.is_off then
                v_next := v_next
                    || pg_catalog.format('alter table public.%I disable trigger %I', v_row.relation, v_row.name);
            end if;
        end loop;
        for v_row in
            select c.conname as name, r.relname as relation, pg_catalog.pg_get_constraintdef(c.oid) as definition
            from pg_catalog.pg_constraint as c
            inner join pg_catalog.pg_class as r on c.conrelid = r.oid
            inner join pg_catalog.pg_attribute as a
                on c.conrelid = a.attrelid and a.attname = 'user_id' and a.attnum = any(c.conkey)
            where
                r.relnamespace = 'public'::regnamespace and r.relname = any(c_owned) and c.contype in ('c', 'u')
        loop
            v_before := v_before
                || pg_catalog.format('alter table public.%I drop constraint %I', v_row.relation, v_row.name);
            v_next := v_next || pg_catalog.format(
                'alter table public.%I add constraint %I %s', v_row.relation, v_row.name, v_row.definition);
        end loop;
        for v_row in select i.index_name, i.final_name from private.legacy_owner_indexes() as i loop
            v_next := v_next || pg_catalog.format(
                'alter index public.%I rename to %I', v_row.index_name, v_row.final_name);
        end loop;

        foreach v_text in array v_before loop
            execute v_text;
        end loop;
        foreach v_relation in array c_owned loop
            select a.attnotnull into v_required
            from pg_catalog.pg_attribute as a
            where a.attrelid = pg_catalog.to_regclass('public.' || v_relation) and a.attname = 'user_id';
            execute pg_catalog.format('alter table public.%I drop column user_id', v_relation);
            execute pg_catalog.format('alter table public.%I rename column supabase_user_id to user_id', v_relation);
            -- An index names its columns itself.
            for v_row in
                select a.attrelid::regclass as name
                from pg_catalog.pg_index as i
                inner join pg_catalog.pg_attribute as a on i.indexrelid = a.attrelid and a.attname = 'supabase_user_id'
                where i.indrelid = pg_catalog.to_regclass('public.' || v_relation)
            loop
                execute pg_catalog.format('alter table %s rename column supabase_user_id to user_id', v_row.name);
            end loop;
            -- The video of an erased uploader may be the organisation's.
            if v_required and v_relation <> 'videos' then
                execute pg_catalog.format('alter table public.%I alter column user_id set not null', v_relation);
            end if;
        end loop;
        foreach v_text in array v_next loop
            execute v_text;
        end loop;
    end if;

    -- The index of a column goes with it.
    alter table public.scenes drop column if exists tsv;
    alter table public.scenes drop column if exists text_vec;
    alter table public.scenes drop column if exists image_vec;
    alter table public.face_profiles drop column if exists adaface_vec;

    if v_empty then
        drop table public.refresh_tokens;
        drop table public.email_verification_tokens;
        drop table public.users;
        drop type public.user_tier;
    else
        alter table public.refresh_tokens set schema legacy_archive;
        alter table public.email_verification_tokens set schema legacy_archive;
        alter table public.users set schema legacy_archive;
        alter type public.user_tier set schema legacy_archive;
        for v_row in
            select c.relname as relation
            from pg_catalog.pg_class as c
            where c.relnamespace = 'legacy_archive'::regnamespace and c.relkind = 'r'
        loop
            execute pg_catalog.format('alter table legacy_archive.%I enable row level security', v_row.relation);
            execute pg_catalog.format(
                'revoke all on table legacy_archive.%I from public, anon, authenticated, service_role', v_row.relation);
        end loop;
    end if;

    insert into private.legacy_removals (users_removed) values (v_users);
exception
    when lock_not_available or deadlock_detected then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: another session held one of the tables for too long. Stop the '
            || 'legacy application and end long transactions, then push again. Nothing was changed';
end
$migration$;

reset statement_timeout;
