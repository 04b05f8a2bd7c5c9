-- The functions by which a user names people, adds their photos and deletes them.
--
-- Why: face profiles are biometric data; clients may read their own and change the name, nothing else. Each function
-- takes the owner from auth.uid().
-- What stays unchanged: face_profiles and its keys, faces/{user}/{person}/photo_{time}.{ext}.
-- All are security definer for that one reason, closed to public and anon.

-- Creates a person. p_name: 1 to 100 characters after trimming, unique for the caller.
-- Returns the row of public.face_profiles. Errors: token_missing; validation_failed; person_exists.
-- Security definer: see the head of this file. Trust boundary: the owner is auth.uid().
create or replace function private.create_person(p_name text) returns public.face_profiles
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_name text := btrim(p_name);
    v_person public.face_profiles;
begin
    if coalesce(char_length(v_name), 0) not between 1 and 100 then
        perform private.raise_error('validation_failed', 'A name needs 1 to 100 characters');
    end if;
    insert into public.face_profiles (user_id, name, photo_keys)
    values (v_caller, v_name, '{}')
    on conflict (user_id, name) where deleted_at is null do nothing
    returning * into v_person;
    if v_person.person_id is null then
        perform private.raise_error('person_exists', 'A person with this name exists. Choose another name');
    end if;
    return v_person;
end
$function$;
revoke all on function private.create_person(text) from public, anon, authenticated, service_role;
grant execute on function private.create_person(text) to authenticated;

-- Adds an uploaded photo to a person. p_person_id: the person. p_key: its key in bucket uploads, which must begin with
-- faces/{caller}/{person}/. Whether the object is there is the caller's check.
-- Returns the row of public.face_profiles; a key that is there already changes nothing.
-- Errors: token_missing; person_not_found; validation_failed (a key outside that folder); consent_required (the user has
-- not agreed to face enrolment); photo_limit_reached (20 photos are there).
-- Security definer: see the head of this file. Trust boundary: the owner is auth.uid().
create or replace function private.add_person_photo(p_person_id uuid, p_key text) returns public.face_profiles
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_person public.face_profiles;
begin
    select p.* into v_person
    from public.face_profiles as p
    where p.person_id = p_person_id and p.user_id = v_caller and p.deleted_at is null
    for update;
    if v_person.person_id is null then
        perform private.raise_error('person_not_found', 'No such person. Check the id');
    end if;
    if p_key is null or char_length(p_key) > 512
        or not starts_with(p_key, 'faces/' || v_caller::text || '/' || p_person_id::text || '/') then
        perform private.raise_error('validation_failed', 'The photo key does not belong to this person');
    end if;
    if p_key = any(coalesce(v_person.photo_keys, '{}')) then
        return v_person;
    end if;
    perform private.require_face_consent(v_caller);
    if cardinality(v_person.photo_keys) >= 20 then
        perform private.raise_error('photo_limit_reached', 'This person has 20 photos already, and more are not taken');
    end if;
    update public.face_profiles
    set photo_keys = coalesce(photo_keys, '{}') || p_key::varchar
    where person_id = p_person_id
    returning * into v_person;
    return v_person;
end
$function$;
revoke all on function private.add_person_photo(uuid, text) from public, anon, authenticated, service_role;
grant execute on function private.add_person_photo(uuid, text) to authenticated;

-- Begins to delete a person: invisible from now on, and an erasure of kind person is open, which removes photos, vectors,
-- links and the row; one more for each person that was merged into this one, whose folder may hold unfinished uploads.
-- p_person_id: the person. Returns private.erasures.erasure_id; calling again returns the same until
-- that erasure is provisional. The caller's own request works on it: the drain takes it up a minute later if it has not.
-- Errors: token_missing; person_not_found.
-- Security definer: see the head of this file. Trust boundary: the owner is auth.uid().
create or replace function private.begin_person_deletion(p_person_id uuid) returns uuid
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_erasure uuid;
begin
    update public.face_profiles set deleted_at = coalesce(deleted_at, now())
    where person_id = p_person_id and user_id = v_caller;
    if found then
        insert into private.erasures as e (kind, user_id, person_id, origin, state, next_attempt_at)
        values ('person', v_caller, p_person_id, 'person', 'pending', now() + interval '1 minute')
        on conflict (person_id) where kind = 'person' and state not in ('cancelled', 'final') do update
        set state = case when e.state = 'dead' then 'pending' else e.state end
        returning erasure_id into v_erasure;
        insert into private.erasures (kind, user_id, person_id, origin, state)
        select 'person', v_caller, m.source_id, 'person', 'pending'
        from private.person_merges as m
        where m.target_id = p_person_id
        on conflict (person_id) where kind = 'person' and state not in ('cancelled', 'final') do nothing;
        return v_erasure;
    end if;
    select e.erasure_id into v_erasure
    from private.erasures as e
    where
        e.kind = 'person' and e.person_id = p_person_id and e.user_id = v_caller
        and e.state in ('pending', 'running', 'dead');
    if v_erasure is null then
        perform private.raise_error('person_not_found', 'No such person. Check the id');
    end if;
    return v_erasure;
end
$function$;
revoke all on function private.begin_person_deletion(uuid) from public, anon, authenticated, service_role;
grant execute on function private.begin_person_deletion(uuid) to authenticated;
