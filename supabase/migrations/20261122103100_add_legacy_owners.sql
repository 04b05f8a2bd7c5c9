-- The functions by which the rows of legacy users get their new owner while the legacy application goes on.
--
-- Why: to change the owner of a million rows in the transaction of the removal would lock the tables for as long as it
-- takes. So videos, face_profiles, audit_events and rate_limits get a second column, supabase_user_id, filled in small
-- batches and kept by trigger; the removal (20270101000000) then swaps it in by its name. The rows below a video get
-- their owner in the same way, and what the removal drops from scenes and face_profiles is copied beforehand.
-- What stays unchanged: every legacy column and row, until the removal. All can be taken back by
-- private.discard_legacy_owners.
-- The functions are closed to every role but that of the migrations: the heimdex command and the removal call them.
-- Trigger functions are security definer where they read the map of ids, which the legacy application may not.

-- The relations that private.fill_legacy_owners fills, in the order they must be filled in.
-- Returns names, each once. Not security definer: it reads nothing.
create or replace function private.list_legacy_fills() returns setof text
language sql
immutable
set search_path = ''
as $function$
    values
    ('videos'), ('face_profiles'), ('audit_events'), ('rate_limits'), ('video_metadata'), ('scenes'), ('jobs'),
    ('scene_people'), ('scenes.tsv'), ('scenes.vectors'), ('face_profiles.vectors')
$function$;
revoke all on function private.list_legacy_fills() from public, anon, authenticated, service_role;

-- The new owner of rows that p_owner had. p_keep: an owner who is no exported user keeps the rows.
-- Returns the id in Supabase Auth; p_owner itself for one who is unknown, when p_keep is set or the decision
-- unknown_owner says keep; else null. Not security definer: callers may read the map.
create or replace function private.map_legacy_owner(p_owner uuid, p_keep boolean) returns uuid
language sql
stable
set search_path = ''
as $function$
    select coalesce(
        (select e.supabase_user_id from private.legacy_exports as e where e.legacy_user_id = p_owner),
        case
            when p_keep or exists (
                select
                from private.legacy_decisions as d
                where d.kind = 'unknown_owner' and d.subject in (p_owner::text, '*') and d.action = 'keep'
            ) then p_owner
        end
    )
$function$;
revoke all on function private.map_legacy_owner(uuid, boolean) from public, anon, authenticated, service_role;

-- Keeps supabase_user_id true to user_id, and deleted_at of a video to its state: the legacy application knows neither.
-- Trigger function. Security definer: the legacy application may not read the map.
create or replace function private.keep_legacy_owner() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    new.supabase_user_id := private.map_legacy_owner(
        new.user_id, tg_table_name in ('audit_events', 'rate_limits'));
    if tg_table_name = 'videos' then
        new.deleted_at := case when new.state = 'deleted' then coalesce(new.deleted_at, now()) end;
    end if;
    return new;
end
$function$;
revoke all on function private.keep_legacy_owner() from public, anon, authenticated, service_role;

-- Gives a row below a video the new owner of the video, after the triggers *_copy_owner have given it the old one.
-- Trigger function. Security definer: reads videos for whoever may write the row, and answers with an id only.
create or replace function private.map_video_owner() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if current_setting('heimdex.owner_by_fill', true) = 'on' then
        return new;
    end if;
    if tg_table_name = 'scene_people' then
        new.user_id := (
            select v.supabase_user_id
            from public.scenes as s
            inner join public.videos as v on s.video_id = v.video_id
            where s.scene_id = new.scene_id
        );
    else
        new.user_id := (select v.supabase_user_id from public.videos as v where v.video_id = new.video_id);
    end if;
    return new;
end
$function$;
revoke all on function private.map_video_owner() from public, anon, authenticated, service_role;

-- Copies what the legacy application writes into scenes.tsv to the archive, once its table is there.
-- Trigger function. Security definer: the archive is closed to every other role.
create or replace function private.stage_scene_words() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    insert into legacy_archive.scene_words as w (scene_id, tsv) values (new.scene_id, new.tsv)
    on conflict (scene_id) do update set tsv = excluded.tsv;
    return null;
end
$function$;
revoke all on function private.stage_scene_words() from public, anon, authenticated, service_role;

-- Copies what the legacy application writes into the vector columns of scenes to scene_vectors.
-- Trigger function. Security definer: clients have no right on that table.
create or replace function private.stage_scene_vectors() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    insert into public.scene_vectors (scene_id, text_vec, image_vec) values (new.scene_id, new.text_vec, new.image_vec)
    on conflict (scene_id) do update set text_vec = excluded.text_vec, image_vec = excluded.image_vec;
    return null;
end
$function$;
revoke all on function private.stage_scene_vectors() from public, anon, authenticated, service_role;

-- Copies what the legacy application writes into face_profiles.adaface_vec to face_vectors.
-- Trigger function. Security definer: clients have no right on that table.
create or replace function private.stage_face_vectors() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    insert into public.face_vectors (person_id, adaface_vec) values (new.person_id, new.adaface_vec)
    on conflict (person_id) do update set adaface_vec = excluded.adaface_vec;
    return null;
end
$function$;
revoke all on function private.stage_face_vectors() from public, anon, authenticated, service_role;

-- Tells whether a column is there. p_table: schema and name. Returns a boolean.
-- Not security definer: reads the catalogue only.
create or replace function private.has_column(p_table text, p_column text) returns boolean
language sql
stable
set search_path = ''
as $function$
    select exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid = to_regclass(p_table) and a.attname = p_column and not a.attisdropped
    )
$function$;
revoke all on function private.has_column(text, text) from public, anon, authenticated, service_role;

-- The triggers that stand between the preparation and the removal, on tables that are there.
-- Returns (relation in public, trigger_name, definition: what follows "create trigger {name}").
-- Not security definer: reads the catalogue only.
create or replace function private.list_legacy_triggers()
returns table (relation text, trigger_name text, definition text)
language sql
stable
set search_path = ''
as $function$
    select 'videos', 'videos_keep_legacy_owner',
        'before insert or update of user_id, state on public.videos '
        'for each row execute function private.keep_legacy_owner()'
    union all
    select t.relation, t.relation || '_keep_legacy_owner',
        'before insert or update of user_id on public.' || t.relation
        || ' for each row execute function private.keep_legacy_owner()'
    from (values ('face_profiles'), ('audit_events'), ('rate_limits')) as t (relation)
    union all
    select t.relation, t.relation || '_map_owner',
        'before insert or update of ' || t.parent || ', user_id, organization_id on public.' || t.relation
        || ' for each row execute function private.map_video_owner()'
    from (
        values ('scenes', 'video_id'), ('video_metadata', 'video_id'), ('jobs', 'video_id'), ('scene_people', 'scene_id')
    ) as t (relation, parent)
    union all
    select t.relation, t.relation || '_' || t.routine,
        'after insert or update of ' || t.names || ' on public.' || t.relation
        || ' for each row execute function private.' || t.routine || '()'
    from (
        values ('scenes', 'stage_scene_words', 'tsv'), ('scenes', 'stage_scene_vectors', 'text_vec, image_vec'),
        ('face_profiles', 'stage_face_vectors', 'adaface_vec')
    ) as t (relation, routine, names)
    where private.has_column('public.' || t.relation, split_part(t.names, ',', 1))
$function$;
revoke all on function private.list_legacy_triggers() from public, anon, authenticated, service_role;

-- Refuses what has no meaning once the users tables are removed. Returns nothing; raises HD000 with the sentence as
-- message, which a push prints. Not security definer.
create or replace function private.require_legacy_users() returns void
language plpgsql
stable
set search_path = ''
as $function$
begin
    if to_regclass('public.users') is null or exists (select from private.legacy_removals) then
        raise exception using
            errcode = 'HD000',
            message = 'The users tables are removed already: there is no legacy owner to prepare. Nothing was changed';
    end if;
end
$function$;
revoke all on function private.require_legacy_users() from public, anon, authenticated, service_role;

-- Adds the columns and triggers that the fill needs, and the archive for what is copied. Safe to run again: what is
-- there is not touched, so that no lock is taken for it. Returns nothing. Each lock is held to the end of the
-- transaction and changes the catalogue only. Errors: HD000 after the removal. Not security definer.
create or replace function private.prepare_legacy_owners() returns void
language plpgsql
set search_path = ''
as $function$
declare
    v_relation text;
    v_trigger record;
begin
    perform private.require_legacy_users();
    foreach v_relation in array array['videos', 'face_profiles', 'audit_events', 'rate_limits'] loop
        if not private.has_column('public.' || v_relation, 'supabase_user_id') then
            execute format('alter table public.%I add column supabase_user_id uuid', v_relation);
        end if;
    end loop;
    if to_regclass('legacy_archive.scene_words') is null then
        create schema if not exists legacy_archive;
        revoke all on schema legacy_archive from public, anon, authenticated, service_role;
        create table legacy_archive.scene_words (
            scene_id uuid not null,
            tsv tsvector,
            constraint scene_words_pkey primary key (scene_id),
            constraint scene_words_scene_id_fkey foreign key (scene_id) references public.scenes (scene_id)
            on delete cascade
        );
        alter table legacy_archive.scene_words enable row level security;
        revoke all on table legacy_archive.scene_words from public, anon, authenticated, service_role;
    end if;
    for v_trigger in
        select t.relation, t.trigger_name, t.definition
        from private.list_legacy_triggers() as t
        where not exists (
            select
            from pg_catalog.pg_trigger as g
            where g.tgrelid = to_regclass('public.' || t.relation) and g.tgname = t.trigger_name
        )
    loop
        execute format('create trigger %I %s', v_trigger.trigger_name, v_trigger.definition);
    end loop;
end
$function$;
revoke all on function private.prepare_legacy_owners() from public, anon, authenticated, service_role;

-- The indexes that supabase_user_id needs so that the swap finds them: one for each index that user_id has now.
-- Returns (relation in public, index_name, statement: creates it concurrently, is_ready: there and valid, final_name:
-- what it is called after the swap). Drop one that is there and not ready, then create it. Empty before
-- private.prepare_legacy_owners and after the removal.
-- Not security definer: reads the catalogue only.
create or replace function private.legacy_owner_indexes()
returns table (relation text, index_name text, statement text, is_ready boolean, final_name text)
language sql
stable
set search_path = ''
as $function$
    select
        r.relname::text,
        left(c.relname, 58) || '_next',
        format('create %sindex concurrently %I on public.%I%s',
            case when i.indisunique then 'unique ' else '' end, left(c.relname, 58) || '_next', r.relname,
            regexp_replace(
                substr(d.text, strpos(d.text, ' USING ')), '\muser_id\M', 'supabase_user_id', 'g')),
        coalesce((
            select n.indisvalid and n.indisready
            from pg_catalog.pg_index as n
            where n.indexrelid = to_regclass(format('public.%I', left(c.relname, 58) || '_next'))
        ), false),
        c.relname::text
    from pg_catalog.pg_index as i
    inner join pg_catalog.pg_class as c on i.indexrelid = c.oid
    inner join pg_catalog.pg_class as r on i.indrelid = r.oid
    cross join lateral (select pg_catalog.pg_get_indexdef(c.oid) as text) as d
    where
        r.oid in (
            to_regclass('public.videos'), to_regclass('public.face_profiles'), to_regclass('public.audit_events'),
            to_regclass('public.rate_limits')
        )
        and private.has_column('public.' || r.relname, 'supabase_user_id')
        and d.text ~ '\muser_id\M'
        -- Another index begins with the same column; two would only cost writes.
        and c.relname <> 'idx_videos_user_id'
        and not exists (select from pg_catalog.pg_constraint as k where k.conindid = c.oid and k.contype in ('u', 'p'))
    order by 1, 2
$function$;
revoke all on function private.legacy_owner_indexes() from public, anon, authenticated, service_role;

-- How one relation is filled. p_relation: one of private.list_legacy_fills.
-- Returns a row for each statement: (key_table, key_column: what is paged over; head, target, source, condition, tail).
-- A change is head [from source] where condition tail; what is still to change is counted from target [, source] where
-- condition. No row for a relation that does not exist here. Not security definer: reads the catalogue only.
create or replace function private.describe_legacy_fill(p_relation text)
returns table (
    key_table text, key_column text, head text, target text, source text, condition text, tail text
)
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_key text := case p_relation
        when 'videos' then 'video_id' when 'video_metadata' then 'video_id' when 'jobs' then 'job_id'
        when 'audit_events' then 'event_id' when 'rate_limits' then 'limit_id'
        when 'face_profiles' then 'person_id' when 'face_profiles.vectors' then 'person_id' else 'scene_id'
    end;
    v_table text := 'public.' || split_part(p_relation, '.', 1);
    v_keeps boolean := p_relation in ('audit_events', 'rate_limits');
    v_words text;
begin
    if p_relation in ('videos', 'face_profiles', 'audit_events', 'rate_limits') then
        return query values (
            v_table, v_key, 'update ' || v_table || ' as t set supabase_user_id = e.supabase_user_id', v_table || ' as t',
            'private.legacy_exports as e',
            'e.legacy_user_id = t.user_id and t.supabase_user_id is distinct from e.supabase_user_id', ''
        ), (
            v_table, v_key,
            format('update %s as t set supabase_user_id = private.map_legacy_owner(t.user_id, %L)', v_table, v_keeps),
            v_table || ' as t', null,
            -- In a case, so that the function is not asked for every row before the map is.
            format(
                't.user_id is not null and case when exists ('
                'select from private.legacy_exports as e where e.legacy_user_id = t.user_id) then false '
                'else t.supabase_user_id is distinct from private.map_legacy_owner(t.user_id, %L) end', v_keeps), ''
        );
    end if;
    if p_relation = 'videos' then
        return query values (
            v_table, v_key, 'update public.videos as t set deleted_at = case when t.state = ''deleted'' then now() end',
            v_table || ' as t', null, '(t.state = ''deleted'') <> (t.deleted_at is not null)', ''
        );
    elsif p_relation in ('scenes', 'video_metadata', 'jobs') then
        v_words := case p_relation
            when 'scenes' then 'private.to_scene_words(t.transcript, t.language)'
            when 'video_metadata' then 'private.to_video_words(t.title, t.description, t.tags, v.filename, v.language)'
        end;
        return query values (
            v_table, v_key,
            'update ' || v_table || ' as t set user_id = v.supabase_user_id'
            || coalesce(', words = coalesce(t.words, ' || v_words || ')', ''),
            v_table || ' as t', 'public.videos as v',
            'v.video_id = t.video_id and (t.user_id is distinct from v.supabase_user_id'
            || case when v_words is null then '' else ' or t.words is null' end || ')', ''
        );
    elsif p_relation = 'scene_people' then
        return query values (
            v_table, v_key, 'update public.scene_people as t set user_id = v.supabase_user_id', v_table || ' as t',
            'public.scenes as s inner join public.videos as v on s.video_id = v.video_id',
            's.scene_id = t.scene_id and t.user_id is distinct from v.supabase_user_id', ''
        );
    elsif p_relation = 'scenes.tsv' and private.has_column('public.scenes', 'tsv') then
        return query values (
            v_table, v_key,
            'insert into legacy_archive.scene_words (scene_id, tsv) select t.scene_id, t.tsv from public.scenes as t',
            v_table || ' as t', null,
            't.tsv is not null and not exists ('
            'select from legacy_archive.scene_words as w where w.scene_id = t.scene_id)',
            ' on conflict (scene_id) do nothing'
        );
    elsif p_relation = 'scenes.vectors' and private.has_column('public.scenes', 'text_vec') then
        return query values (
            v_table, v_key,
            'insert into public.scene_vectors (scene_id, text_vec, image_vec) '
            'select t.scene_id, t.text_vec, t.image_vec from public.scenes as t',
            v_table || ' as t', null,
            '(t.text_vec is not null or t.image_vec is not null) and not exists ('
            'select from public.scene_vectors as w where w.scene_id = t.scene_id)',
            ' on conflict (scene_id) do nothing'
        );
    elsif p_relation = 'face_profiles.vectors' and private.has_column('public.face_profiles', 'adaface_vec') then
        return query values (
            v_table, v_key,
            'insert into public.face_vectors (person_id, adaface_vec) '
            'select t.person_id, t.adaface_vec from public.face_profiles as t',
            v_table || ' as t', null,
            't.adaface_vec is not null and not exists ('
            'select from public.face_vectors as w where w.person_id = t.person_id)',
            ' on conflict (person_id) do nothing'
        );
    end if;
end
$function$;
revoke all on function private.describe_legacy_fill(text) from public, anon, authenticated, service_role;

-- Fills one batch of a relation in the order of its primary key. p_relation: one of private.list_legacy_fills, in that
-- order. p_after: the last key of the batch before, null to begin. p_limit: rows to read, at least 1.
-- Returns (last_key: null at the end, read_rows, changed_rows: those that were not as they should be). Neither
-- updated_at nor words change where they are there. Run it again whenever: what is right is only read.
-- Errors: HD000 for an unknown relation, a limit below 1, or after the removal. Not security definer.
create or replace function private.fill_legacy_owners(p_relation text, p_after uuid, p_limit integer)
returns table (last_key uuid, read_rows integer, changed_rows integer)
language plpgsql
set search_path = ''
as $function$
declare
    v_first uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
    v_step record;
    v_count integer;
begin
    perform private.require_legacy_users();
    if coalesce(p_limit, 0) < 1 or not exists (
        select from private.list_legacy_fills() as f (relation) where f.relation = p_relation
    ) then
        perform private.raise_error('validation_failed', 'Name a relation to fill and a batch of at least one row');
    end if;
    read_rows := 0;
    changed_rows := 0;
    for v_step in select d.* from private.describe_legacy_fill(p_relation) as d loop
        if last_key is null then
            execute format(
                'select (array_agg(k.key order by k.key desc))[1], count(*) from ('
                'select %1$I as key from %2$s where %1$I >= $1 and (%1$I > $1 or $2) order by %1$I limit $3) as k',
                v_step.key_column, v_step.key_table
            ) into last_key, read_rows using v_first, p_after is null, p_limit;
            exit when last_key is null;
            perform set_config('heimdex.owner_by_fill', 'on', true);
        end if;
        execute v_step.head || coalesce(' from ' || v_step.source, '') || ' where ' || v_step.condition
            || format(' and t.%1$I >= $1 and t.%1$I <= $2 and (t.%1$I > $1 or $3)', v_step.key_column)
            || v_step.tail
        using v_first, last_key, p_after is null;
        get diagnostics v_count = row_count;
        changed_rows := changed_rows + v_count;
    end loop;
    perform set_config('heimdex.owner_by_fill', '', true);
    return next;
end
$function$;
revoke all on function private.fill_legacy_owners(text, uuid, integer) from public, anon, authenticated, service_role;

-- How many changes private.fill_legacy_owners would still make. p_relation: as there. Returns a count; reads the whole
-- relation and changes nothing. Not security definer.
create or replace function private.count_legacy_gaps(p_relation text) returns bigint
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_step record;
    v_count bigint;
    v_all bigint := 0;
begin
    for v_step in select d.* from private.describe_legacy_fill(p_relation) as d loop
        execute 'select count(*) from ' || v_step.target || coalesce(', ' || v_step.source, '')
            || ' where ' || v_step.condition into v_count;
        v_all := v_all + v_count;
    end loop;
    return v_all;
end
$function$;
revoke all on function private.count_legacy_gaps(text) from public, anon, authenticated, service_role;

-- Takes back what private.prepare_legacy_owners and the fill have made: columns, triggers, indexes, copies, progress.
-- Safe to run again, and without a preparation. Returns nothing. Errors: HD000 after the removal. Not security definer.
create or replace function private.discard_legacy_owners() returns void
language plpgsql
set search_path = ''
as $function$
declare
    v_relation text;
    v_trigger record;
begin
    perform private.require_legacy_users();
    for v_trigger in
        select t.relation, t.trigger_name from private.list_legacy_triggers() as t
    loop
        execute format('drop trigger if exists %I on public.%I', v_trigger.trigger_name, v_trigger.relation);
    end loop;
    -- The indexes of a column go with it.
    foreach v_relation in array array['videos', 'face_profiles', 'audit_events', 'rate_limits'] loop
        execute format('alter table public.%I drop column if exists supabase_user_id', v_relation);
    end loop;
    if private.has_column('public.scenes', 'text_vec') then
        delete from public.scene_vectors as w
        using public.scenes as s
        where s.scene_id = w.scene_id and (s.text_vec is not null or s.image_vec is not null);
    end if;
    if private.has_column('public.face_profiles', 'adaface_vec') then
        delete from public.face_vectors as w
        using public.face_profiles as p
        where p.person_id = w.person_id and p.adaface_vec is not null;
    end if;
    drop table if exists legacy_archive.scene_words;
    if to_regnamespace('legacy_archive') is not null and not exists (
        select from pg_catalog.pg_class where relnamespace = to_regnamespace('legacy_archive')
    ) then
        drop schema legacy_archive;
    end if;
    delete from private.legacy_fills;
end
$function$;
revoke all on function private.discard_legacy_owners() from public, anon, authenticated, service_role;

-- What the legacy users and the rows of each are, as one text: it changes when the legacy application writes a user, or
-- adds or removes a video, a scene, a person or a link. Returns "users:hash of rows:hash of counts"; null when
-- public.users is not there. The same on every version and in every session; of one snapshot. Reads, sorts nothing.
-- Not security definer.
create or replace function private.legacy_fingerprint() returns text
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $function$
declare
    v_fingerprint text;
begin
    if to_regclass('public.users') is null then
        return null;
    end if;
    execute $sql$
        with users as (
            select
                count(*) as users,
                sum(('x' || left(h.hash, 16))::bit(64)::bigint::numeric) as head,
                sum(('x' || right(h.hash, 16))::bit(64)::bigint::numeric) as rest
            from (select md5(u::text) as hash from public.users as u) as h
        ),

        counts as (
            select 'v' as kind, v.user_id, count(*) as rows from public.videos as v group by v.user_id
            union all
            select 'f', p.user_id, count(*) from public.face_profiles as p group by p.user_id
            union all
            select 's', v.user_id, count(*)
            from public.scenes as s
            inner join public.videos as v on s.video_id = v.video_id
            group by v.user_id
            union all
            select 'p', v.user_id, count(*)
            from public.scene_people as p
            inner join public.scenes as s on p.scene_id = s.scene_id
            inner join public.videos as v on s.video_id = v.video_id
            group by v.user_id
        ),

        owners as (
            select
                sum(('x' || left(h.hash, 16))::bit(64)::bigint::numeric) as head,
                sum(('x' || right(h.hash, 16))::bit(64)::bigint::numeric) as rest
            from (select md5(concat_ws(':', c.kind, c.user_id, c.rows)) as hash from counts as c) as h
        )

        select u.users || ':' || md5(concat_ws(':', u.head, u.rest)) || ':' || md5(concat_ws(':', o.head, o.rest))
        from users as u
        cross join owners as o
    $sql$ into v_fingerprint;
    return v_fingerprint;
end
$function$;
revoke all on function private.legacy_fingerprint() from public, anon, authenticated, service_role;

-- The users whose account may be gone because they asked for it: an erasure is recorded or done, or will be once the
-- event is drained; before the removal it waits. Returns ids of Supabase Auth. Not security definer.
create or replace function private.list_erased_users() returns setof uuid
language sql
stable
set search_path = ''
as $function$
    select e.user_id
    from private.erasures as e
    where e.kind = 'user' and e.state <> 'cancelled' and e.user_id is not null
    union
    select u.user_id
    from private.erased_users as u
    where u.user_id is not null
    union
    select a.user_id
    from private.auth_events as a
    where a.type = 'user.deleted'
$function$;
revoke all on function private.list_erased_users() from public, anon, authenticated, service_role;

-- Whether the legacy system left a user or a row that names one. Returns a boolean. Not security definer.
create or replace function private.has_legacy_rows() returns boolean
language plpgsql
set search_path = ''
as $function$
begin
    return exists (select from public.users)
        or exists (select from public.videos) or exists (select from public.face_profiles)
        or exists (select from public.audit_events) or exists (select from public.rate_limits);
end
$function$;
revoke all on function private.has_legacy_rows() from public, anon, authenticated, service_role;

-- Refuses while a legacy user is not in Supabase Auth for good: exported, verified by a comparison that passed, nothing
-- written since, the account there. Returns nothing; the sentence is the message, because a push prints no more.
-- Errors: HD000. Reads every legacy user and counts their rows. Not security definer.
create or replace function private.require_moved_users() returns void
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_users bigint;
    v_count bigint;
    v_fingerprint text;
begin
    select count(*) into v_users from public.users;
    select count(*) into v_count
    from public.users as u
    left join private.legacy_exports as e on u.user_id = e.legacy_user_id
    where
        e.legacy_user_id is null
        or (
            e.verified_at is null
            and e.supabase_user_id not in (select g.user_id from private.list_erased_users() as g (user_id))
        );
    if v_count > 0 then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: ' || v_count || ' of ' || v_users || ' legacy users are not '
            || 'exported to Supabase Auth and verified. Run "npx heimdex legacy export", then "npx heimdex legacy '
            || 'verify", and push again. Nothing was changed';
    end if;
    if v_users > 0 then
        select case when v.passed then coalesce(v.fingerprint, '') end into v_fingerprint
        from private.legacy_verifications as v
        order by v.started_at desc
        limit 1;
        if v_fingerprint is null then
            raise exception using
                errcode = 'HD000',
                message = 'Cannot remove the users tables: the last verification did not pass. Run "npx heimdex legacy '
                || 'verify" until it reports no mismatch, and push again. Nothing was changed';
        end if;
        if v_fingerprint <> private.legacy_fingerprint() then
            raise exception using
                errcode = 'HD000',
                message = 'Cannot remove the users tables: the legacy application has written since the last '
                || 'verification. Stop it, run "npx heimdex legacy export", then "npx heimdex legacy verify", and push '
                || 'again. Nothing was changed';
        end if;
    end if;
    select count(*) into v_count
    from private.legacy_exports as e
    inner join public.users as u on e.legacy_user_id = u.user_id
    where
        (
            not exists (select from auth.users as a where a.id = e.supabase_user_id)
            and e.supabase_user_id not in (select g.user_id from private.list_erased_users() as g (user_id))
        )
        or (
            u.supabase_user_id <> e.supabase_user_id
            and exists (select from auth.users as a where a.id = u.supabase_user_id)
        );
    if v_count > 0 then
        raise exception using
            errcode = 'HD000',
            message = 'Cannot remove the users tables: ' || v_count || ' exported users are not in Supabase Auth, or '
            || 'the legacy row names another account. Run "npx heimdex legacy verify" to see them. Nothing was changed';
    end if;
end
$function$;
revoke all on function private.require_moved_users() from public, anon, authenticated, service_role;
