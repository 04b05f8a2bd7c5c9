-- The five private buckets and who may read their objects.
--
-- Why: objects are reached by signed URLs and, for their owner, directly. Uploads come through signed upload URLs only,
-- so clients have no right to write, move or delete an object here. Bucket receipts is for the server alone: no policy
-- names it, so no client reads it.
-- What stays unchanged: other buckets and their policies; the restrictive policy leaves them alone.
-- Keys: uploads videos/{user}/{video}.{ext} and faces/{user}/{person}/photo_{time}.{ext}; thumbnails
-- {user}/{video}/{scene}.jpg; sidecars {user}/{video}.json; exports {user}/...; objects that an organisation took over:
-- organizations/{organization}/... in each bucket; receipts {sequence, 12 digits}-{erasure}-{stage}.json.

insert into storage.buckets as b (id, name, public, file_size_limit, allowed_mime_types)
values
(
    'uploads', 'uploads', false, 1073741824,
    array[
        'video/mp4', 'video/quicktime', 'video/x-msvideo', 'video/x-matroska', 'video/webm', 'image/jpeg', 'image/png'
    ]
),
('thumbnails', 'thumbnails', false, 10485760, array['image/jpeg']),
('sidecars', 'sidecars', false, 104857600, array['application/json']),
('exports', 'exports', false, 1073741824, array['application/json', 'application/zip']),
('receipts', 'receipts', false, 1048576, array['application/json'])
on conflict (id) do update
set
    public = excluded.public,
    file_size_limit = excluded.file_size_limit,
    allowed_mime_types = excluded.allowed_mime_types
where
    (b.public, b.file_size_limit, b.allowed_mime_types)
    is distinct from (excluded.public, excluded.file_size_limit, excluded.allowed_mime_types);

-- The folders of the caller: the id of the user and, until their objects are moved, the ids the user had in the former
-- system. Returns an array of names; one that names another account is left out: those objects are found by their rows.
-- Security definer: the map of ids is closed. Trust boundary: takes no argument, answers for auth.uid() only.
create or replace function private.list_own_folders() returns text[]
language sql
stable
security definer
set search_path = ''
as $function$
    select (select auth.uid())::text || coalesce(array_agg(e.legacy_user_id::text), array[]::text[])
    from private.legacy_exports as e
    where
        e.supabase_user_id = (select auth.uid()) and e.legacy_user_id <> e.supabase_user_id
        and not exists (select from auth.users as u where u.id = e.legacy_user_id)
        and not exists (select from private.legacy_exports as o where o.supabase_user_id = e.legacy_user_id)
$function$;
revoke all on function private.list_own_folders() from public, anon, authenticated, service_role;
grant execute on function private.list_own_folders() to authenticated;

drop policy if exists "heimdex objects are read by their owner and organisation" on storage.objects;
create policy "heimdex objects are read by their owner and organisation" on storage.objects
for select to authenticated
using (
    (
        bucket_id = 'uploads'
        and (storage.foldername(name))[1] in ('videos', 'faces')
        and (storage.foldername(name))[2] = any((select private.list_own_folders())::text [])
    )
    or (
        bucket_id in ('thumbnails', 'sidecars', 'exports')
        and (storage.foldername(name))[1] = any((select private.list_own_folders())::text [])
    )
    or (
        bucket_id in ('uploads', 'thumbnails', 'sidecars')
        and (storage.foldername(name))[1] = 'organizations'
        and (storage.foldername(name))[2] = any(((select private.list_own_organizations())::text [])::text [])
    )
);

drop policy if exists "heimdex objects need a live session" on storage.objects;
create policy "heimdex objects need a live session" on storage.objects
as restrictive for all to authenticated
using (
    bucket_id not in ('uploads', 'thumbnails', 'sidecars', 'exports') or (select private.session_is_live())
)
with check (
    bucket_id not in ('uploads', 'thumbnails', 'sidecars', 'exports') or (select private.session_is_live())
);
