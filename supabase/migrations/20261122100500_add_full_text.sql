-- Full text over the transcript of a scene and over title, description, tags and file name of a video.
--
-- Why: search finds candidates by one GIN index that holds the owner beside the words (btree_gin), so that a query reads
-- the rows of the caller only. The configuration is "simple": no language is favoured.
-- What stays unchanged: scenes.tsv, the legacy column with words of another configuration, which the legacy application
-- goes on with until 20270101000000. Rows that were there before get their words from private.fill_legacy_owners.

alter table public.scenes add column if not exists words tsvector;
alter table public.video_metadata add column if not exists words tsvector;

-- The words of a transcript. p_text: any text or null; of one beyond 256 kB the first 65,536 characters, because
-- a tsvector holds 1 MB at most. Returns a tsvector. Not security definer: it reads its argument only.
create or replace function private.to_scene_words(p_text text) returns tsvector
language sql
immutable
set search_path = ''
as $function$
    select to_tsvector(
        'pg_catalog.simple',
        coalesce(case when octet_length(p_text) > 262144 then left(p_text, 65536) else p_text end, '')
    )
$function$;
revoke all on function private.to_scene_words(text) from public, anon, authenticated, service_role;
grant execute on function private.to_scene_words(text) to authenticated, service_role;

-- The words of a video. Returns a tsvector: title weighs A, tags B, file name C, description D.
-- Of a description beyond 256 kB the first 65,536 characters count, and tags beyond that size do not.
-- Not security definer: it reads its arguments only. Tags that are no array of text count as none.
create or replace function private.to_video_words(p_title text, p_description text, p_tags jsonb, p_filename text)
returns tsvector
language sql
immutable
set search_path = ''
as $function$
    select
        setweight(to_tsvector('pg_catalog.simple', coalesce(p_title, '')), 'A')
        || setweight(jsonb_to_tsvector(
            'pg_catalog.simple',
            case when octet_length(p_tags::text) <= 262144 then p_tags else '[]'::jsonb end,
            '["string"]'
        ), 'B')
        || setweight(to_tsvector(
            'pg_catalog.simple', translate(regexp_replace(coalesce(p_filename, ''), '\.[A-Za-z0-9]+$', ''), '_-.', '   ')
        ), 'C')
        || setweight(private.to_scene_words(p_description), 'D')
$function$;
revoke all on function private.to_video_words(text, text, jsonb, text)
from public, anon, authenticated, service_role;
grant execute on function private.to_video_words(text, text, jsonb, text) to authenticated, service_role;

-- Keeps scenes.words true to the transcript. Trigger function, not security definer.
create or replace function private.write_scene_words() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    new.words := private.to_scene_words(new.transcript);
    return new;
end
$function$;
revoke all on function private.write_scene_words() from public, anon, authenticated, service_role;

-- Keeps video_metadata.words true to the row and to the file name of its video. Trigger function, not security definer:
-- whoever may write the row can read its video.
create or replace function private.write_video_words() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    new.words := private.to_video_words(
        new.title, new.description, new.tags,
        (select v.filename from public.videos as v where v.video_id = new.video_id)
    );
    return new;
end
$function$;
revoke all on function private.write_video_words() from public, anon, authenticated, service_role;

create or replace trigger scenes_write_words
before insert or update of transcript on public.scenes
for each row execute function private.write_scene_words();
create or replace trigger video_metadata_write_words
before insert or update of title, description, tags on public.video_metadata
for each row execute function private.write_video_words();

do $migration$
begin
    if exists (select from pg_catalog.pg_extension where extname = 'btree_gin') then
        create index if not exists idx_scenes_user_words on public.scenes using gin (user_id, words);
        create index if not exists idx_scenes_organization_words on public.scenes using gin (organization_id, words)
        where organization_id is not null;
        create index if not exists idx_video_metadata_user_words on public.video_metadata using gin (user_id, words);
        create index if not exists idx_video_metadata_organization_words
        on public.video_metadata using gin (organization_id, words) where organization_id is not null;
    else
        create index if not exists idx_scenes_words on public.scenes using gin (words);
        create index if not exists idx_video_metadata_words on public.video_metadata using gin (words);
    end if;
end
$migration$;
