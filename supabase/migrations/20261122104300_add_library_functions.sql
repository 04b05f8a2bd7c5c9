-- What users do with a library that has grown: describe any video, merge two people, agree to face enrolment.
--
-- Why: a legacy video may have no row of metadata, and a client may not insert one; the same face is often named twice;
-- photos and vectors of faces are biometric data, taken only while their user's consent holds.
-- What stays unchanged: who may read and who may describe a video (20261122101000); the keys of photos, also of people
-- who were merged: they keep the folder of the person they were taken for.

-- Which person became part of which other one. By it a repeated merge is recognised, scenes that a worker still sends
-- for the one who is gone count for the other, and uploads in the former's folder go with the latter.
-- No foreign keys: the source is gone, and the erasure of the target reads the row.
create table if not exists private.person_merges (
    source_id uuid not null,
    target_id uuid not null,
    user_id uuid not null,
    merged_at timestamptz not null default now(),
    constraint person_merges_pkey primary key (source_id)
);
create index if not exists idx_person_merges_target_id on private.person_merges (target_id);
create index if not exists idx_person_merges_user_id on private.person_merges (user_id);
alter table private.person_merges enable row level security;
revoke all on table private.person_merges from public, anon, authenticated, service_role;
drop policy if exists "person_merges are closed to clients" on private.person_merges;
create policy "person_merges are closed to clients" on private.person_merges
as restrictive for all to public using (false) with check (false);

-- Finds a video that the caller may describe, locks it, and gives it a row of metadata when it has none.
-- Returns nothing. Errors: token_missing; video_not_found; forbidden (a member of the organisation who is no admin).
-- Security definer: clients may not insert metadata. Trust boundary: the owner or an admin of the organisation; the row
-- is empty.
create or replace function private.ensure_video_metadata(p_video_id uuid) returns void
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
        v.video_id = p_video_id and v.deleted_at is null
        and (v.user_id = v_caller or v.organization_id = any((select private.list_own_organizations())::uuid []))
    for update;
    if v_video.video_id is null then
        perform private.raise_error('video_not_found', 'There is no video with this id');
    end if;
    if v_video.user_id is distinct from v_caller
        and v_video.organization_id <> all(private.list_managed_organizations()) then
        perform private.raise_error('forbidden', 'Only the owner or an organization admin may change this video');
    end if;
    insert into public.video_metadata (video_id, tags) values (p_video_id, '[]')
    on conflict (video_id) do nothing;
end
$function$;
revoke all on function private.ensure_video_metadata(uuid) from public, anon, authenticated, service_role;
grant execute on function private.ensure_video_metadata(uuid) to authenticated;

-- Changes the description of a video. p_changes: any of {"title": text, "description": text, "tags": array of text,
-- "language": BCP 47 tag}; a member that is null clears the field, one that is missing leaves it as it is.
-- Returns nothing. Errors: as private.ensure_video_metadata; validation_failed (a value beyond the limits of
-- 20261122101050).
-- Not security definer: the caller changes descriptive columns under RLS, with the limits of a client.
create or replace function private.update_video(p_video_id uuid, p_changes jsonb) returns void
language plpgsql
set search_path = ''
as $function$
begin
    perform private.ensure_video_metadata(p_video_id);
    if p_changes ?| array['title', 'description', 'tags'] then
        update public.video_metadata
        set
            title = case when p_changes ? 'title' then p_changes ->> 'title' else title end,
            description = case when p_changes ? 'description' then p_changes ->> 'description' else description end,
            tags = case
                when p_changes ? 'tags' then coalesce(nullif(p_changes -> 'tags', 'null'), '[]') else tags
            end
        where video_id = p_video_id;
    end if;
    if p_changes ? 'language' then
        update public.videos set language = p_changes ->> 'language' where video_id = p_video_id;
    end if;
end
$function$;
revoke all on function private.update_video(uuid, jsonb) from public, anon, authenticated, service_role;
grant execute on function private.update_video(uuid, jsonb) to authenticated;

-- Whether the user's consent to face enrolment holds now: the newest row of the kind is a grant. Returns false for a
-- user whose rows the caller may not read.
-- Not security definer: a user may read the own consents.
create or replace function private.has_face_consent(p_user_id uuid) returns boolean
language sql
stable
set search_path = ''
as $function$
    select coalesce((
        select c.granted_at is not null
        from public.consents as c
        where c.user_id = p_user_id and c.kind = 'face'
        order by c.consent_id desc
        limit 1
    ), false)
$function$;
revoke all on function private.has_face_consent(uuid) from public, anon, authenticated, service_role;
grant execute on function private.has_face_consent(uuid) to authenticated;

-- Refuses while the user's consent to face enrolment does not hold. Returns nothing. Errors: consent_required.
-- Waits for a decision that is being recorded, by the lock of private.record_consent: what follows in the transaction
-- is done before a withdrawal or not at all.
-- Not security definer: called by private.add_person_photo and private.set_face_vector.
create or replace function private.require_face_consent(p_user_id uuid) returns void
language plpgsql
set search_path = ''
as $function$
begin
    perform pg_advisory_xact_lock(hashtextextended('consent:' || p_user_id::text || ':face', 0));
    if not private.has_face_consent(p_user_id) then
        perform private.raise_error(
            'consent_required', 'The user has not agreed to face enrollment: set face_consent by PATCH /me first'
        );
    end if;
end
$function$;
revoke all on function private.require_face_consent(uuid) from public, anon, authenticated, service_role;

-- Deletes the face vectors of a user who withdraws the consent: without them nobody is recognised any more. Photos stay
-- until their person is deleted. Trigger function, not security definer: private.record_consent runs it as its owner.
create or replace function private.drop_face_vectors() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    if to_regclass('public.face_vectors') is not null then
        execute 'delete from public.face_vectors as f using public.face_profiles as p '
            'where p.person_id = f.person_id and p.user_id = $1' using new.user_id;
    end if;
    return null;
end
$function$;
revoke all on function private.drop_face_vectors() from public, anon, authenticated, service_role;

create or replace trigger consents_drop_face_vectors
after insert on public.consents
for each row when (new.kind = 'face' and new.withdrawn_at is not null)
execute function private.drop_face_vectors();

-- Sets the face vector of a person, in the place of the one before. p_vector: 512 numbers in pgvector's text form.
-- Returns nothing. Errors: person_not_found; consent_required; feature_disabled (a database without pgvector).
-- Not security definer: called through the service door after the worker key was compared.
create or replace function private.set_face_vector(p_person_id uuid, p_vector text) returns void
language plpgsql
set search_path = ''
as $function$
declare
    v_person public.face_profiles;
    v_vector text;
begin
    select p.* into v_person
    from public.face_profiles as p
    where
        p.person_id = p_person_id and p.deleted_at is null
        and not exists (select from private.erased_users as e where e.user_id = p.user_id)
    for key share;
    if v_person.person_id is null then
        perform private.raise_error('person_not_found', 'There is no person with this id');
    end if;
    perform private.require_face_consent(v_person.user_id);
    -- The extension may lie in any schema, and without it the type is not known to this file.
    select format_type(a.atttypid, a.atttypmod) into v_vector
    from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('public.face_vectors') and a.attname = 'adaface_vec';
    if v_vector is null then
        perform private.raise_error(
            'feature_disabled', 'This database keeps no vectors: ask its operator to install pgvector'
        );
    end if;
    execute format(
        'insert into public.face_vectors (person_id, adaface_vec) values ($1, $2::%s) '
        'on conflict (person_id) do update set adaface_vec = excluded.adaface_vec', v_vector
    ) using p_person_id, p_vector;
end
$function$;
revoke all on function private.set_face_vector(uuid, text) from public, anon, authenticated, service_role;

-- Makes one person of two: scenes and photos of p_source_id become those of p_target_id, which keeps its name; of a
-- scene that showed both, the surer link and the frames of both count. The face vector moves when the target has none.
-- Returns the row of the target; the source is gone. Repeated it answers the same. The target may have more photos than
-- private.add_person_photo allows; it takes no further ones then.
-- Errors: token_missing; person_not_found (either one); validation_failed (a person into itself).
-- Security definer: clients may not write links, keys or vectors. Trust boundary: both belong to auth.uid().
create or replace function private.merge_people(p_source_id uuid, p_target_id uuid) returns public.face_profiles
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_source public.face_profiles;
    v_target public.face_profiles;
begin
    -- In the order of their ids, so that two merges of one pair wait for each other.
    perform
    from public.face_profiles as p
    where p.person_id in (p_source_id, p_target_id) and p.user_id = v_caller
    order by p.person_id
    for update;
    select p.* into v_source
    from public.face_profiles as p
    where p.person_id = p_source_id and p.user_id = v_caller and p.deleted_at is null;
    select p.* into v_target
    from public.face_profiles as p
    where p.person_id = p_target_id and p.user_id = v_caller and p.deleted_at is null;
    if v_target.person_id is null or (v_source.person_id is null and not exists (
        select from private.person_merges as m
        where m.source_id = p_source_id and m.target_id = p_target_id and m.user_id = v_caller
    )) then
        perform private.raise_error('person_not_found', 'No person of yours has this id');
    end if;
    if p_source_id = p_target_id then
        perform private.raise_error('validation_failed', 'A person cannot be merged into itself. Name another one');
    end if;
    if v_source.person_id is null then
        return v_target;
    end if;

    update public.scene_people as t
    set
        confidence = greatest(t.confidence, s.confidence),
        frame_count = least(t.frame_count::bigint + s.frame_count, 2147483647)::integer
    from public.scene_people as s
    where s.person_id = p_source_id and t.person_id = p_target_id and t.scene_id = s.scene_id;
    update public.scene_people as s set person_id = p_target_id
    where
        s.person_id = p_source_id
        and not exists (
            select from public.scene_people as t where t.person_id = p_target_id and t.scene_id = s.scene_id
        );
    -- A withdrawal of the consent that runs at the same time would miss a vector that moves between its two people.
    perform pg_advisory_xact_lock(hashtextextended('consent:' || v_caller::text || ':face', 0));
    if to_regclass('public.face_vectors') is not null then
        execute 'update public.face_vectors set person_id = $2 where person_id = $1 '
            'and not exists (select from public.face_vectors where person_id = $2)' using p_source_id, p_target_id;
    end if;
    delete from public.face_profiles where person_id = p_source_id;
    update public.face_profiles
    set photo_keys = coalesce(photo_keys, '{}') || coalesce(v_source.photo_keys, '{}')
    where person_id = p_target_id
    returning * into v_target;
    update private.person_merges set target_id = p_target_id where target_id = p_source_id;
    insert into private.person_merges (source_id, target_id, user_id) values (p_source_id, p_target_id, v_caller);
    return v_target;
end
$function$;
revoke all on function private.merge_people(uuid, uuid) from public, anon, authenticated, service_role;
grant execute on function private.merge_people(uuid, uuid) to authenticated;
