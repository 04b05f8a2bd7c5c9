-- Owner, organisation and descriptive columns of videos; owner columns of every table below a video.
--
-- Why: a policy that reaches through videos costs a sequential scan; one that compares an indexed column of the row does
-- not. So scenes, video_metadata, jobs and scene_people carry user_id and organization_id, copied by trigger: a writer
-- cannot set them, and they follow when the owner of a video changes.
-- What stays unchanged: every legacy column, row and constraint, so that a legacy application goes on until the cutover.
-- Rows that were there before the new columns get them from private.fill_legacy_owners (20261122103000), in batches; what
-- the legacy application would trip over (unique names and counters) comes with 20270101000000.

alter table public.videos
add column if not exists organization_id uuid,
add column if not exists filename text,
add column if not exists language text,
add column if not exists idempotency_key text,
add column if not exists idempotency_digest text,
add column if not exists updated_at timestamptz not null default now(),
add column if not exists deleted_at timestamptz;
alter table public.scenes
add column if not exists user_id uuid,
add column if not exists organization_id uuid,
add column if not exists language text;
alter table public.video_metadata add column if not exists user_id uuid, add column if not exists organization_id uuid;
alter table public.jobs add column if not exists user_id uuid, add column if not exists organization_id uuid;
alter table public.jobs add column if not exists created_at timestamptz not null default now();
alter table public.scene_people add column if not exists user_id uuid, add column if not exists organization_id uuid;
alter table public.face_profiles add column if not exists deleted_at timestamptz;

-- "add constraint" has no "if not exists".
do $migration$
begin
    if not exists (select from pg_catalog.pg_constraint where conname = 'videos_organization_id_fkey') then
        alter table public.videos add constraint videos_organization_id_fkey foreign key (organization_id)
        references public.organizations (organization_id) on delete restrict;
    end if;
    if not exists (select from pg_catalog.pg_constraint where conname = 'videos_owner_check') then
        alter table public.videos add constraint videos_owner_check
        check (user_id is not null or organization_id is not null);
    end if;
end
$migration$;

create index if not exists idx_face_profiles_user_id on public.face_profiles (user_id);
create unique index if not exists videos_user_id_idempotency_key_key
on public.videos (user_id, idempotency_key) where idempotency_key is not null;
create index if not exists idx_videos_user_created_at on public.videos (user_id, created_at desc, video_id desc);
create index if not exists idx_videos_organization_created_at
on public.videos (organization_id, created_at desc, video_id desc);
-- The key behind the owner lets an export read page after page without sorting.
create index if not exists idx_scenes_user_id on public.scenes (user_id, scene_id);
create index if not exists idx_scenes_organization_id on public.scenes (organization_id);
-- A list of videos shows the first thumbnail of each; most scenes have none.
create index if not exists idx_scenes_video_thumbnail
on public.scenes (video_id, start_s) where thumbnail_key is not null;
create index if not exists idx_video_metadata_user_id on public.video_metadata (user_id);
create index if not exists idx_video_metadata_organization_id on public.video_metadata (organization_id);
create index if not exists idx_jobs_video_id on public.jobs (video_id);
create index if not exists idx_jobs_user_id on public.jobs (user_id);
create index if not exists idx_jobs_organization_id on public.jobs (organization_id);
create index if not exists idx_scene_people_user_id on public.scene_people (user_id, scene_id, person_id);
create index if not exists idx_scene_people_organization_id on public.scene_people (organization_id);
create index if not exists idx_audit_events_user_id on public.audit_events (user_id, event_id);

-- On named columns only: an owner that is filled in or handed down, and an object that moves, is no change to a reader.
create or replace trigger videos_touch_updated_at
before update of mime_type, size_bytes, duration_s, state, error_text, indexed_at, filename, language
on public.videos
for each row execute function private.touch_updated_at();
create or replace trigger video_metadata_touch_updated_at
before update of title, description, tags on public.video_metadata
for each row execute function private.touch_updated_at();

-- Copies the owner of the video to a row of scenes, video_metadata or jobs, whatever the writer sent; only
-- private.fill_legacy_owners sets it itself, for which it sets heimdex.owner_by_fill to on.
-- Trigger function. Not security definer: whoever may write the row can read its video.
create or replace function private.copy_video_owner() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    if current_setting('heimdex.owner_by_fill', true) = 'on' then
        return new;
    end if;
    select v.user_id, v.organization_id into new.user_id, new.organization_id
    from public.videos as v
    where v.video_id = new.video_id;
    return new;
end
$function$;
revoke all on function private.copy_video_owner() from public, anon, authenticated, service_role;

-- Copies the owner of the scene to a row of scene_people. Trigger function, not security definer, as above.
create or replace function private.copy_scene_owner() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    if current_setting('heimdex.owner_by_fill', true) = 'on' then
        return new;
    end if;
    select s.user_id, s.organization_id into new.user_id, new.organization_id
    from public.scenes as s
    where s.scene_id = new.scene_id;
    return new;
end
$function$;
revoke all on function private.copy_scene_owner() from public, anon, authenticated, service_role;

-- Hands a changed owner of a video down to its rows; each copies it from its parent.
-- A transaction that set heimdex.owner_by_pages to on does so itself, in pages: an erasure must not hold the rows of a
-- long video for seconds. Trigger function, not security definer: only the server changes an owner.
create or replace function private.hand_down_video_owner() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    if current_setting('heimdex.owner_by_pages', true) = 'on' then
        return null;
    end if;
    update public.scenes set user_id = new.user_id where video_id = new.video_id;
    update public.video_metadata set user_id = new.user_id where video_id = new.video_id;
    update public.jobs set user_id = new.user_id where video_id = new.video_id;
    update public.scene_people as p set user_id = new.user_id
    from public.scenes as s
    where s.scene_id = p.scene_id and s.video_id = new.video_id;
    return null;
end
$function$;
revoke all on function private.hand_down_video_owner() from public, anon, authenticated, service_role;

create or replace trigger scenes_copy_owner
before insert or update of video_id, user_id, organization_id on public.scenes
for each row execute function private.copy_video_owner();
create or replace trigger video_metadata_copy_owner
before insert or update of video_id, user_id, organization_id on public.video_metadata
for each row execute function private.copy_video_owner();
create or replace trigger jobs_copy_owner
before insert or update of video_id, user_id, organization_id on public.jobs
for each row execute function private.copy_video_owner();
create or replace trigger scene_people_copy_owner
before insert or update of scene_id, user_id, organization_id on public.scene_people
for each row execute function private.copy_scene_owner();
create or replace trigger videos_hand_down_owner
after update of user_id, organization_id on public.videos
for each row
when (old.user_id is distinct from new.user_id or old.organization_id is distinct from new.organization_id)
execute function private.hand_down_video_owner();
