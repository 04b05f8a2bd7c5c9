-- Tables for the vectors of scenes and faces, where pgvector is available.
--
-- Why: the shape of the main tables, and the types written from it, must be the same with and without pgvector; and a
-- list of scenes must not read 9 kB of vectors a row.
-- What stays unchanged: scenes and face_profiles. Vectors that the legacy system wrote into them are copied by
-- private.fill_legacy_owners, and 20270101000000 drops its columns. Without pgvector nothing is done; search by meaning
-- and by face is then off.
-- Clients have no right on either table: vectors are read and written by the server only.

do $migration$
declare
    vector_schema text;
begin
    select n.nspname into vector_schema
    from pg_catalog.pg_extension as e
    inner join pg_catalog.pg_namespace as n on e.extnamespace = n.oid
    where e.extname = 'vector';
    if vector_schema is null then
        raise notice 'pgvector is not installed: scene_vectors and face_vectors are not created';
        return;
    end if;

    execute pg_catalog.format($sql$
        create table if not exists public.scene_vectors (
            scene_id uuid not null,
            text_vec %1$I.vector(1152),
            image_vec %1$I.vector(1152),
            constraint scene_vectors_pkey primary key (scene_id),
            constraint scene_vectors_scene_id_fkey foreign key (scene_id) references public.scenes (scene_id)
            on delete cascade
        )
    $sql$, vector_schema);
    execute pg_catalog.format($sql$
        create table if not exists public.face_vectors (
            person_id uuid not null,
            adaface_vec %1$I.vector(512),
            constraint face_vectors_pkey primary key (person_id),
            constraint face_vectors_person_id_fkey foreign key (person_id)
            references public.face_profiles (person_id) on delete cascade
        )
    $sql$, vector_schema);
    alter table public.scene_vectors enable row level security;
    revoke all on table public.scene_vectors from public, anon, authenticated, service_role;
    grant select, insert, update, delete on table public.scene_vectors to service_role;
    alter table public.face_vectors enable row level security;
    revoke all on table public.face_vectors from public, anon, authenticated, service_role;
    grant select, insert, update, delete on table public.face_vectors to service_role;
end
$migration$;
