-- Row level security and grants of every public table.
--
-- Why: clients read under RLS and write through functions; the little they may update is descriptive. A row is visible
-- to its owner and to members of its organisation, both compared on indexed columns of the row itself, and no longer once
-- the deletion of its video has begun (scene_people, which holds ids only, goes with the rows). On top stands a
-- restrictive policy: a token whose session is gone sees nothing, although it has not expired.
-- What stays unchanged: rows. anon has no right on anything; service_role gets its rights by name, because default
-- privileges differ between projects.

do $migration$
declare
    relation text;
begin
    foreach relation in array array[
        'videos', 'video_metadata', 'scenes', 'jobs', 'scene_people', 'face_profiles', 'audit_events', 'rate_limits',
        'user_analytics', 'organizations', 'organization_members', 'consents'
    ] loop
        execute pg_catalog.format('alter table public.%I enable row level security', relation);
        execute pg_catalog.format('revoke all on table public.%I from public, anon, authenticated', relation);
        execute pg_catalog.format('grant select on table public.%I to authenticated', relation);
        execute pg_catalog.format('drop policy if exists %I on public.%I',
            'rows of ' || relation || ' need a live session', relation);
        execute pg_catalog.format(
            'create policy %I on public.%I as restrictive for all to authenticated '
            'using ((select private.session_is_live())) with check ((select private.session_is_live()))',
            'rows of ' || relation || ' need a live session', relation);
    end loop;
    foreach relation in array array[
        'videos', 'video_metadata', 'scenes', 'jobs', 'scene_people', 'face_profiles', 'rate_limits', 'user_analytics',
        'organizations', 'organization_members'
    ] loop
        execute pg_catalog.format('revoke all on table public.%I from service_role', relation);
        execute pg_catalog.format(
            'grant select, insert, update, delete on table public.%I to service_role', relation);
    end loop;
    -- Not even the secret key writes the audit trail: it would be a way to forge.
    revoke all on table public.audit_events from service_role;
    grant select on table public.audit_events to service_role;
end
$migration$;

-- Tables that no client reads say so by a policy of their own: a table without one looks forgotten.
do $migration$
declare
    relation text;
begin
    foreach relation in array array[
        'private.auth_events', 'private.erased_users', 'private.erasures', 'private.erasure_objects',
        'private.erasure_receipts', 'private.legacy_exports', 'private.legacy_removals', 'private.legacy_verifications',
        'private.webhook_deliveries', 'public.scene_vectors', 'public.face_vectors'
    ] loop
        continue when pg_catalog.to_regclass(relation) is null;
        execute pg_catalog.format('drop policy if exists %I on %s',
            pg_catalog.split_part(relation, '.', 2) || ' are closed to clients', relation);
        execute pg_catalog.format(
            'create policy %I on %s as restrictive for all to public using (false) with check (false)',
            pg_catalog.split_part(relation, '.', 2) || ' are closed to clients', relation);
    end loop;
end
$migration$;

create index if not exists idx_videos_user_id_deleted
on public.videos (user_id) where deleted_at is not null;
create index if not exists idx_videos_organization_id_deleted
on public.videos (organization_id) where deleted_at is not null;

-- The videos of the caller and of the caller's organisations whose deletion has begun: their rows below are hidden with
-- them. Returns an array of video_id, nearly always empty; one call a statement.
-- Security definer: RLS hides these videos. Trust boundary: takes no argument, answers for auth.uid() only.
create or replace function private.list_deleted_videos() returns uuid[]
language plpgsql
stable
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := auth.uid();
    v_organizations uuid[] := private.list_own_organizations();
begin
    return array(
        select v.video_id
        from public.videos as v
        where v.deleted_at is not null and (v.user_id = v_caller or v.organization_id = any(v_organizations))
    );
end
$function$;
revoke all on function private.list_deleted_videos() from public, anon, authenticated, service_role;
grant execute on function private.list_deleted_videos() to authenticated;

grant update (language) on table public.videos to authenticated;
grant update (title, description, tags) on table public.video_metadata to authenticated;
grant update (name) on table public.face_profiles to authenticated;

drop policy if exists "videos are read by their owner and organisation" on public.videos;
create policy "videos are read by their owner and organisation" on public.videos
for select to authenticated
using (
    deleted_at is null
    and (
        user_id = (select auth.uid())
        or organization_id = any((select private.list_own_organizations())::uuid [])
    )
);
drop policy if exists "videos are described by their owner and organisation admins" on public.videos;
create policy "videos are described by their owner and organisation admins" on public.videos
for update to authenticated
using (
    deleted_at is null
    and (
        user_id = (select auth.uid())
        or organization_id = any((select private.list_managed_organizations())::uuid [])
    )
)
with check (
    user_id = (select auth.uid())
    or organization_id = any((select private.list_managed_organizations())::uuid [])
);

drop policy if exists "metadata is read by the owner and organisation of the video" on public.video_metadata;
create policy "metadata is read by the owner and organisation of the video" on public.video_metadata
for select to authenticated
using (
    video_id <> all((select private.list_deleted_videos())::uuid [])
    and (
        user_id = (select auth.uid())
        or organization_id = any((select private.list_own_organizations())::uuid [])
    )
);
drop policy if exists "metadata is changed by the owner and organisation admins" on public.video_metadata;
create policy "metadata is changed by the owner and organisation admins" on public.video_metadata
for update to authenticated
using (
    video_id <> all((select private.list_deleted_videos())::uuid [])
    and (
        user_id = (select auth.uid())
        or organization_id = any((select private.list_managed_organizations())::uuid [])
    )
)
with check (
    user_id = (select auth.uid())
    or organization_id = any((select private.list_managed_organizations())::uuid [])
);

drop policy if exists "scenes are read by the owner and organisation of the video" on public.scenes;
create policy "scenes are read by the owner and organisation of the video" on public.scenes
for select to authenticated
using (
    video_id <> all((select private.list_deleted_videos())::uuid [])
    and (
        user_id = (select auth.uid())
        or organization_id = any((select private.list_own_organizations())::uuid [])
    )
);

drop policy if exists "jobs are read by the owner and organisation of the video" on public.jobs;
create policy "jobs are read by the owner and organisation of the video" on public.jobs
for select to authenticated
using (
    video_id <> all((select private.list_deleted_videos())::uuid [])
    and (
        user_id = (select auth.uid())
        or organization_id = any((select private.list_own_organizations())::uuid [])
    )
);

drop policy if exists "people in scenes are read by the owner and organisation" on public.scene_people;
create policy "people in scenes are read by the owner and organisation" on public.scene_people
for select to authenticated
using (
    user_id = (select auth.uid())
    or organization_id = any((select private.list_own_organizations())::uuid [])
);

drop policy if exists "people are read by their owner" on public.face_profiles;
create policy "people are read by their owner" on public.face_profiles
for select to authenticated
using (deleted_at is null and user_id = (select auth.uid()));
drop policy if exists "people are renamed by their owner" on public.face_profiles;
create policy "people are renamed by their owner" on public.face_profiles
for update to authenticated
using (deleted_at is null and user_id = (select auth.uid()))
with check (user_id = (select auth.uid()));

drop policy if exists "audit events are read by the user they are about" on public.audit_events;
create policy "audit events are read by the user they are about" on public.audit_events
for select to authenticated
using (user_id = (select auth.uid()));

drop policy if exists "rate limits are read by the user they bind" on public.rate_limits;
create policy "rate limits are read by the user they bind" on public.rate_limits
for select to authenticated
using (user_id = (select auth.uid()));

drop policy if exists "analytics are read by the user they are about" on public.user_analytics;
create policy "analytics are read by the user they are about" on public.user_analytics
for select to authenticated
using (user_id = (select auth.uid()));

drop policy if exists "organisations are read by their members" on public.organizations;
create policy "organisations are read by their members" on public.organizations
for select to authenticated
using (organization_id = any((select private.list_own_organizations())::uuid []));

drop policy if exists "members are read by members of the same organisation" on public.organization_members;
create policy "members are read by members of the same organisation" on public.organization_members
for select to authenticated
using (organization_id = any((select private.list_own_organizations())::uuid []));

drop policy if exists "consents are read by the user who gave them" on public.consents;
create policy "consents are read by the user who gave them" on public.consents
for select to authenticated
using (user_id = (select auth.uid()));
