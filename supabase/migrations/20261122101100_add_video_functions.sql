-- The functions by which a user creates, completes, captions and deletes videos.
--
-- Why: clients have SELECT on these tables and UPDATE on descriptive columns only; otherwise they could set a state, a
-- storage key or an owner. Each function takes the owner from auth.uid().
-- What stays unchanged: the meaning of states and keys. An object key is built here and nowhere else.
-- All are security definer for that one reason, owned by the role of the migrations, closed to public and anon.

-- Finds a video that the caller may change, and locks its row until the end of the transaction.
-- p_video_id: the video. Returns the row, deleted ones too. Errors: token_missing; video_not_found when it does not exist
-- or belongs to others: the caller cannot tell the two apart.
-- Security definer so that the row is found when RLS hides it (a deleted video); granted to nobody: the functions below
-- call it as their owner.
create or replace function private.lock_own_video(p_video_id uuid) returns public.videos
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_video public.videos;
begin
    select v.* into v_video
    from public.videos as v
    where
        v.video_id = p_video_id
        and (
            v.user_id = v_caller
            or v.organization_id = any((select private.list_managed_organizations())::uuid [])
        )
    for update;
    if v_video.video_id is null then
        perform private.raise_error('video_not_found', 'No such video. Check the id');
    end if;
    return v_video;
end
$function$;
revoke all on function private.lock_own_video(uuid) from public, anon, authenticated, service_role;

-- Creates a video in state uploading, with its metadata row.
-- p_video: {"filename": text, "mime_type": one of the five video types, "size_bytes": 1 to 1073741824, "title",
-- "description", "language": text or null, "tags": array of text or null, "organization_id": uuid or null,
-- "idempotency_key": text or null, "video_id": uuid or null; a caller who signs the upload URL first chooses the id}.
-- p_upload_limits: uploads in one UTC day by tier, {"free": 3, ...}; a tier that is missing counts as free, null means no
-- limit. The tier is read from auth.users, not from the token; without a limit for free nothing is created.
-- Returns the row of public.videos; storage_key is videos/{user}/{video}.{ext}. The same idempotency_key with the same
-- request returns the first row again and takes nothing from the quota. Deleting a video gives nothing back.
-- Errors: token_missing; session_revoked (the user is gone); validation_failed (a field or limit that does not fit);
-- organization_not_found (not a member);
-- idempotency_conflict (same key, other request or deleted video); upload_quota_exceeded (detail says when it resets).
-- Exact under concurrent calls: one lock a user, held to the end of the transaction.
-- Security definer: see the head of this file. Trust boundary: the owner is auth.uid().
create or replace function private.create_video(p_video jsonb, p_upload_limits jsonb) returns public.videos
language plpgsql
security definer
set search_path = ''
as $function$
declare
    c_extensions constant jsonb := '{
        "video/mp4": "mp4", "video/quicktime": "mov", "video/x-msvideo": "avi", "video/x-matroska": "mkv",
        "video/webm": "webm"
    }';
    v_caller uuid := private.require_caller();
    v_today timestamptz := date_trunc('day', now() at time zone 'UTC') at time zone 'UTC';
    v_key text := p_video ->> 'idempotency_key';
    v_organization uuid := (p_video ->> 'organization_id')::uuid;
    v_extension text := c_extensions ->> (p_video ->> 'mime_type');
    v_size bigint := (p_video ->> 'size_bytes')::bigint;
    v_digest text := encode(sha256(convert_to(jsonb_strip_nulls(p_video - 'video_id')::text, 'UTF8')), 'hex');
    v_id uuid := coalesce((p_video ->> 'video_id')::uuid, gen_random_uuid());
    v_limit integer;
    v_used integer;
    v_video public.videos;
begin
    if v_extension is null or coalesce(v_size, 0) not between 1 and 1073741824 then
        perform private.raise_error('validation_failed', 'A video needs a known type and 1 byte to 1 GiB');
    end if;
    if v_organization is not null and not v_organization = any(private.list_own_organizations()) then
        perform private.raise_error('organization_not_found', 'No such organisation. Check the id');
    end if;

    perform pg_advisory_xact_lock(hashtextextended('create_video:' || v_caller::text, 0));
    if v_key is not null then
        select v.* into v_video
        from public.videos as v
        where v.user_id = v_caller and v.idempotency_key = v_key;
        if v_video.video_id is not null then
            if v_video.idempotency_digest is distinct from v_digest or v_video.deleted_at is not null then
                perform private.raise_error(
                    'idempotency_conflict',
                    'This Idempotency-Key was used for another request. Send a new key'
                );
            end if;
            return v_video;
        end if;
    end if;

    select
        (case
            when p_upload_limits ? (u.raw_app_meta_data ->> 'tier') then p_upload_limits ->> (u.raw_app_meta_data ->> 'tier')
            else p_upload_limits ->> 'free'
        end)::integer
    into v_limit
    from auth.users as u
    where u.id = v_caller;
    -- Without these two a mistake of the caller, or a user deleted a moment ago, would mean no limit.
    if not found then
        perform private.raise_error('session_revoked', 'The session has ended, sign in again');
    end if;
    if not coalesce(p_upload_limits ? 'free', false) then
        perform private.raise_error('validation_failed', 'The upload limits need one for the tier free');
    end if;
    insert into public.rate_limits as l (user_id, resource, count, window_start, expires_at)
    values (v_caller, 'video_upload', 1, v_today, v_today + interval '1 day')
    on conflict (user_id, resource, window_start) where user_id is not null do update set count = l.count + 1
    returning l.count into v_used;
    if v_used > v_limit then
        perform private.raise_error(
            'upload_quota_exceeded',
            'The ' || v_limit || ' uploads of this day are used. Try again after '
            || to_char((v_today + interval '1 day') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        );
    end if;

    insert into public.videos (
        video_id, user_id, organization_id, storage_key, mime_type, size_bytes, filename, language,
        idempotency_key, idempotency_digest
    )
    values (
        v_id, v_caller, v_organization, 'videos/' || v_caller::text || '/' || v_id::text || '.' || v_extension,
        p_video ->> 'mime_type', v_size, p_video ->> 'filename', p_video ->> 'language',
        v_key, case when v_key is not null then v_digest end
    )
    returning * into v_video;
    insert into public.video_metadata (video_id, title, description, tags)
    values (
        v_id, p_video ->> 'title', p_video ->> 'description',
        case when jsonb_typeof(p_video -> 'tags') = 'array' then p_video -> 'tags' else '[]'::jsonb end
    );
    return v_video;
end
$function$;
revoke all on function private.create_video(jsonb, jsonb) from public, anon, authenticated, service_role;
grant execute on function private.create_video(jsonb, jsonb) to authenticated;

-- The uploads that the caller has begun in the current UTC day, as the quota of private.create_video counts them.
-- Returns {"used": integer, "resets_at": ISO 8601 time in UTC}. Errors: token_missing.
-- Not security definer: the caller may read the row under RLS.
create or replace function private.read_upload_usage() returns jsonb
language sql
stable
set search_path = ''
as $function$
    select jsonb_build_object(
        'used',
        coalesce((
            select l.count
            from public.rate_limits as l
            where
                l.user_id = (select auth.uid()) and l.resource = 'video_upload'
                and l.window_start = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'
        ), 0),
        'resets_at',
        to_char(date_trunc('day', now() at time zone 'UTC') + interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    )
$function$;
revoke all on function private.read_upload_usage() from public, anon, authenticated, service_role;
grant execute on function private.read_upload_usage() to authenticated;

-- Moves a video from uploading to validating and queues its first job (upload_validate, pending).
-- p_video_id: the video. Whether the object is there with the announced size and type is the caller's check.
-- Returns the row of public.videos; in validating, processing or indexed it comes back unchanged.
-- Errors: token_missing; video_not_found; video_state_conflict (failed or deleted).
-- Security definer: see the head of this file. Trust boundary: the owner or an admin of the organisation.
create or replace function private.complete_upload(p_video_id uuid) returns public.videos
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_video public.videos := private.lock_own_video(p_video_id);
begin
    if v_video.state in ('validating', 'processing', 'indexed') then
        return v_video;
    end if;
    if v_video.state <> 'uploading' then
        perform private.raise_error(
            'video_state_conflict',
            'Cannot complete the upload: the video is in state "' || v_video.state || '". Begin a new upload'
        );
    end if;
    insert into public.jobs (video_id, stage, state) values (p_video_id, 'upload_validate', 'pending');
    update public.videos set state = 'validating' where video_id = p_video_id returning * into v_video;
    return v_video;
end
$function$;
revoke all on function private.complete_upload(uuid) from public, anon, authenticated, service_role;
grant execute on function private.complete_upload(uuid) to authenticated;

-- Replaces the scenes of a video by captions, all or nothing, and marks it as indexed. Captions are a revision like those
-- of a worker (20261122104200): what a worker staged before them is dropped, objects of the old scenes are queued.
-- p_video_id: the video. p_scenes: [{"start_s": seconds, "end_s": seconds, "text": text}, ...], at most 20000.
-- p_language: BCP 47 tag or null; null keeps the language of the video.
-- Returns the row of public.videos. Errors: token_missing; video_not_found; video_state_conflict (uploading or deleted);
-- captions_invalid (no array, too many, empty text, negative start, end not after start).
-- Security definer: see the head of this file. Trust boundary: the owner or an admin of the organisation.
create or replace function private.set_captions(p_video_id uuid, p_scenes jsonb, p_language text)
returns public.videos
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_video public.videos := private.lock_own_video(p_video_id);
    v_revision uuid := gen_random_uuid();
begin
    if v_video.state in ('uploading', 'deleted') then
        perform private.raise_error(
            'video_state_conflict',
            'Cannot set captions: the video is in state "' || v_video.state || '". Complete the upload first'
        );
    end if;
    if jsonb_typeof(p_scenes) is distinct from 'array' or jsonb_array_length(p_scenes) > 20000 then
        perform private.raise_error('captions_invalid', 'Captions must be a list of at most 20000 cues');
    end if;
    if exists (
        select
        from jsonb_to_recordset(p_scenes) as c (start_s numeric, end_s numeric, text text)
        where
            c.start_s is null or c.end_s is null or c.start_s < 0 or c.end_s <= c.start_s or c.end_s >= 10000000
            or coalesce(btrim(c.text), '') = ''
    ) then
        perform private.raise_error(
            'captions_invalid', 'A cue needs a text, a start that is not negative and an end after its start'
        );
    end if;

    perform private.stage_scenes(
        p_video_id, v_revision, 'captions', 1,
        (
            select coalesce(jsonb_agg(jsonb_build_object(
                'start_s', c.start_s, 'end_s', c.end_s, 'transcript', c.text, 'language', p_language
            )), '[]'::jsonb)
            from jsonb_to_recordset(p_scenes) as c (start_s numeric, end_s numeric, text text)
        )
    );
    perform private.swap_scenes(p_video_id, v_revision, 1);
    update public.videos
    set state = 'indexed', indexed_at = now(), error_text = null, language = coalesce(p_language, language)
    where video_id = p_video_id
    returning * into v_video;
    return v_video;
end
$function$;
revoke all on function private.set_captions(uuid, jsonb, text) from public, anon, authenticated, service_role;
grant execute on function private.set_captions(uuid, jsonb, text) to authenticated;

-- Begins to delete a video: state deleted, unfinished jobs cancelled, invisible from now on.
-- p_video_id: the video. Returns the objects to remove, (bucket, key), once each; calling again returns what is left.
-- The rows stay until private.finish_video_deletion, so that a failure of storage can be taken up again.
-- Errors: token_missing; video_not_found.
-- Security definer: see the head of this file. Trust boundary: the owner or an admin of the organisation.
create or replace function private.begin_video_deletion(p_video_id uuid) returns table (bucket text, key text)
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_video public.videos := private.lock_own_video(p_video_id);
    v_owner text := coalesce(v_video.user_id::text, 'organizations/' || v_video.organization_id::text);
begin
    update public.videos set state = 'deleted', deleted_at = coalesce(deleted_at, now()) where video_id = p_video_id;
    update public.jobs set state = 'cancelled', finished_at = now()
    where video_id = p_video_id and state in ('pending', 'running');
    return query
    select 'uploads', v_video.storage_key::text
    union
    select 'thumbnails', s.thumbnail_key::text
    from public.scenes as s
    where s.video_id = p_video_id and s.thumbnail_key is not null
    union
    select 'sidecars', s.sidecar_key::text
    from public.scenes as s
    where s.video_id = p_video_id and s.sidecar_key is not null
    union
    select 'sidecars', v_owner || '/' || p_video_id::text || '.json'
    union
    select o.bucket_id, o.name
    from storage.objects as o
    where o.bucket_id = 'thumbnails' and starts_with(o.name, v_owner || '/' || p_video_id::text || '/')
    union
    -- What is not moved yet from the folder that the owner had in the former system.
    select o.bucket_id, o.name
    from private.legacy_exports as e
    inner join storage.objects as o
        on
            (
                o.bucket_id = 'thumbnails'
                and starts_with(o.name, e.legacy_user_id::text || '/' || p_video_id::text || '/')
            )
            or (o.bucket_id = 'sidecars' and o.name = e.legacy_user_id::text || '/' || p_video_id::text || '.json')
    where e.supabase_user_id = v_video.user_id;
end
$function$;
revoke all on function private.begin_video_deletion(uuid) from public, anon, authenticated, service_role;
grant execute on function private.begin_video_deletion(uuid) to authenticated;

-- Deletes the rows of a video whose deletion has begun; scenes, jobs, metadata and links to people go with it.
-- p_video_id: the video. Returns true when it deleted, false when the video is gone already.
-- Errors: token_missing; video_state_conflict (the deletion has not begun).
-- Security definer: see the head of this file. Trust boundary: the owner or an admin of the organisation.
create or replace function private.finish_video_deletion(p_video_id uuid) returns boolean
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_state public.video_state;
begin
    select v.state into v_state
    from public.videos as v
    where
        v.video_id = p_video_id
        and (
            v.user_id = v_caller
            or v.organization_id = any((select private.list_managed_organizations())::uuid [])
        )
    for update;
    if v_state is null then
        return false;
    end if;
    if v_state <> 'deleted' then
        perform private.raise_error('video_state_conflict', 'The deletion of this video has not begun. Delete it first');
    end if;
    delete from public.videos where video_id = p_video_id;
    return true;
end
$function$;
revoke all on function private.finish_video_deletion(uuid) from public, anon, authenticated, service_role;
grant execute on function private.finish_video_deletion(uuid) to authenticated;
