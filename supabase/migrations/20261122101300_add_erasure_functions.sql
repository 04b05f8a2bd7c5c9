-- The functions by which the server erases what a deleted user left behind.
--
-- Why: Supabase Auth deletes the user row and knows nothing of ours. The steps are separate and each may run again, so
-- that an erasure that broke off is taken up where it stopped: tombstone, keys, rows, objects, counts.
-- What stays unchanged: videos of an organisation stay with it (user_id becomes null), audit events stay without a user.
-- Objects are removed through the Storage API only: it refuses deletion by SQL, and the bytes would stay.
-- All are security definer, closed to clients: they are called through the service door as postgres, and the reason for
-- definer is that the door may become a role of its own with no right on the tables.
-- Every function refuses a user who still exists, because an erasure of a living account cannot be taken back.

-- Refuses a user whom auth.users still holds and who is not soft-deleted.
-- p_user: the id. Returns nothing. Errors: validation_failed (null); user_still_exists.
-- Security definer: see the head of this file. Reads only.
create or replace function private.require_deleted_user(p_user uuid) returns void
language plpgsql
security definer
set search_path = ''
as $function$
begin
    if p_user is null then
        perform private.raise_error('validation_failed', 'An erasure needs the id of a user');
    end if;
    if exists (select from auth.users as u where u.id = p_user and u.deleted_at is null) then
        perform private.raise_error('user_still_exists', 'The user still exists. Delete the account first');
    end if;
end
$function$;
revoke all on function private.require_deleted_user(uuid) from public, anon, authenticated, service_role;

-- Counts the rows that name a user. p_user: the id.
-- Returns {table: integer} for every public table with a user_id, zeros included.
-- Security definer: see the head of this file. Reads only, so it does not ask whether the user still exists.
create or replace function private.count_user_rows(p_user uuid) returns jsonb
language sql
stable
security definer
set search_path = ''
as $function$
    select jsonb_build_object(
        'videos', (select count(*) from public.videos as t where t.user_id = p_user),
        'video_metadata', (select count(*) from public.video_metadata as t where t.user_id = p_user),
        'scenes', (select count(*) from public.scenes as t where t.user_id = p_user),
        'jobs', (select count(*) from public.jobs as t where t.user_id = p_user),
        'scene_people', (
            select count(*)
            from public.scene_people as t
            where
                t.user_id = p_user
                or t.person_id in (select p.person_id from public.face_profiles as p where p.user_id = p_user)
        ),
        'face_profiles', (select count(*) from public.face_profiles as t where t.user_id = p_user),
        'audit_events', (select count(*) from public.audit_events as t where t.user_id = p_user),
        'rate_limits', (select count(*) from public.rate_limits as t where t.user_id = p_user),
        'user_analytics', (select count(*) from public.user_analytics as t where t.user_id = p_user),
        'consents', (select count(*) from public.consents as t where t.user_id = p_user),
        'organization_members', (select count(*) from public.organization_members as t where t.user_id = p_user)
    )
$function$;
revoke all on function private.count_user_rows(uuid) from public, anon, authenticated, service_role;

-- Begins an erasure: sets the tombstone, which ends every session of the user at once, and opens its record.
-- p_user: the id. Returns the row of private.erasures; a second call returns the row that is there.
-- Errors: validation_failed; user_still_exists. Security definer: see the head of this file.
create or replace function private.begin_erasure(p_user uuid) returns private.erasures
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_erasure private.erasures;
begin
    perform private.require_deleted_user(p_user);
    insert into private.erased_users (user_id) values (p_user) on conflict (user_id) do nothing;
    insert into private.erasures (user_id, counts_before)
    values (p_user, private.count_user_rows(p_user))
    on conflict (user_id) do nothing;
    select e.* into v_erasure from private.erasures as e where e.user_id = p_user;
    return v_erasure;
end
$function$;
revoke all on function private.begin_erasure(uuid) from public, anon, authenticated, service_role;

-- Lists the objects of a user that are in storage now. p_user: the id.
-- Returns (bucket, key), once each: objects whose key a row of the user records, that lie under the prefixes of the user,
-- or that have the user as owner, in our four buckets. Objects of videos that an organisation keeps are left out. Ask
-- before the rows are erased, until it returns nothing, and once more afterwards: what is then listed came late.
-- Security definer: see the head of this file. Reads only.
create or replace function private.user_object_keys(p_user uuid) returns table (bucket text, key text)
language sql
stable
security definer
set search_path = ''
as $function$
    with kept as (
        select v.video_id, v.storage_key
        from public.videos as v
        where
            v.organization_id is not null
            and (v.user_id = p_user or starts_with(v.storage_key, 'videos/' || p_user::text || '/'))
    ),

    recorded (bucket, key) as (
        select 'uploads', v.storage_key::text
        from public.videos as v
        where v.user_id = p_user and v.organization_id is null
        union all
        select 'uploads', k.photo_key
        from public.face_profiles as p
        cross join lateral unnest(p.photo_keys::text []) as k (photo_key)
        where p.user_id = p_user
        union all
        select 'thumbnails', s.thumbnail_key::text
        from public.scenes as s
        where s.user_id = p_user and s.organization_id is null and s.thumbnail_key is not null
        union all
        select 'sidecars', s.sidecar_key::text
        from public.scenes as s
        where s.user_id = p_user and s.organization_id is null and s.sidecar_key is not null
    ),

    found as (
        select o.bucket_id, o.name
        from storage.objects as o
        inner join recorded as r on o.bucket_id = r.bucket and o.name = r.key
        union
        select o.bucket_id, o.name
        from storage.objects as o
        where
            o.bucket_id in ('uploads', 'thumbnails', 'sidecars', 'exports')
            and (
                o.owner_id = p_user::text or starts_with(o.name, p_user::text || '/')
                or (
                    o.bucket_id = 'uploads'
                    and (
                        starts_with(o.name, 'videos/' || p_user::text || '/')
                        or starts_with(o.name, 'faces/' || p_user::text || '/')
                    )
                )
            )
    )

    select f.bucket_id, f.name
    from found as f
    where not exists (
        select
        from kept as k
        where
            (f.bucket_id = 'uploads' and f.name = k.storage_key)
            or (f.bucket_id = 'thumbnails' and starts_with(f.name, p_user::text || '/' || k.video_id::text || '/'))
            or (f.bucket_id = 'sidecars' and f.name = p_user::text || '/' || k.video_id::text || '.json')
    )
    order by f.bucket_id, f.name
$function$;
revoke all on function private.user_object_keys(uuid) from public, anon, authenticated, service_role;

-- Erases the rows of a user. p_user: the id, after private.begin_erasure.
-- Returns {table: integer}, the rows touched: deleted in most tables, set to null in audit_events and in videos that an
-- organisation keeps ("organization_videos"). Scenes, metadata, jobs and links go with their video. A second call finds
-- nothing and returns zeros. Errors: validation_failed; user_still_exists. Security definer: see the head of this file.
create or replace function private.erase_user_rows(p_user uuid) returns jsonb
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_counts jsonb;
    v_rows bigint;
begin
    perform private.require_deleted_user(p_user);
    v_counts := private.count_user_rows(p_user);

    delete from public.face_profiles where user_id = p_user;
    update public.videos set user_id = null where user_id = p_user and organization_id is not null;
    get diagnostics v_rows = row_count;
    v_counts := v_counts || jsonb_build_object('organization_videos', v_rows);
    delete from public.videos where user_id = p_user;
    delete from public.rate_limits where user_id = p_user;
    delete from public.user_analytics where user_id = p_user;
    delete from public.consents where user_id = p_user;
    delete from public.organization_members where user_id = p_user;
    update public.audit_events set user_id = null, ip_address = null, user_agent = null, metadata = null
    where user_id = p_user;
    return v_counts;
end
$function$;
revoke all on function private.erase_user_rows(uuid) from public, anon, authenticated, service_role;

-- Closes an erasure when nothing is left. p_user: the id.
-- Returns the row of private.erasures with counts_after; its state stays running while a table still names the user.
-- Errors: validation_failed; user_still_exists. Security definer: see the head of this file.
create or replace function private.finish_erasure(p_user uuid) returns private.erasures
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_counts jsonb;
    v_clean boolean;
    v_erasure private.erasures;
begin
    perform private.require_deleted_user(p_user);
    v_counts := private.count_user_rows(p_user);
    select bool_and(c.value = '0'::jsonb) into v_clean from jsonb_each(v_counts) as c;
    update private.erasures
    set
        counts_after = v_counts,
        state = case when v_clean then 'completed' else 'running' end,
        finished_at = case when v_clean then coalesce(finished_at, now()) end
    where user_id = p_user
    returning * into v_erasure;
    return v_erasure;
end
$function$;
revoke all on function private.finish_erasure(uuid) from public, anon, authenticated, service_role;
