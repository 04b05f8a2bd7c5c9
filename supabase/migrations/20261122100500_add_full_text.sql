-- Full text over the transcript of a scene and over title, description, tags and file name of a video.
--
-- Why: search finds candidates by one GIN index that holds the owner beside the words (btree_gin), so that a query reads
-- the rows of the caller only. The configuration is "simple": no language is favoured.
-- What stays unchanged: scenes.tsv is the legacy column and its index idx_scenes_tsv goes on only where btree_gin is not
-- available. Old values are rewritten, because a query in one configuration does not match words of another.

alter table public.video_metadata add column if not exists tsv tsvector;

-- The words of a video. Returns a tsvector: title weighs A, tags B, file name C, description D.
-- Not security definer: it reads its arguments only. Tags that are no array of text count as none.
create or replace function private.to_video_words(p_title text, p_description text, p_tags jsonb, p_filename text)
returns tsvector
language sql
immutable
set search_path = ''
as $function$
    select
        setweight(to_tsvector('pg_catalog.simple', coalesce(p_title, '')), 'A')
        || setweight(jsonb_to_tsvector('pg_catalog.simple', coalesce(p_tags, '[]'::jsonb), '["string"]'), 'B')
        || setweight(to_tsvector(
            'pg_catalog.simple', translate(regexp_replace(coalesce(p_filename, ''), '\.[A-Za-z0-9]+$', ''), '_-.', '   ')
        ), 'C')
        || setweight(to_tsvector('pg_catalog.simple', coalesce(p_description, '')), 'D')
$function$;
revoke all on function private.to_video_words(text, text, jsonb, text)
from public, anon, authenticated, service_role;
grant execute on function private.to_video_words(text, text, jsonb, text) to authenticated, service_role;

-- Keeps scenes.tsv true to the transcript. Trigger function, not security definer.
create or replace function private.write_scene_words() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    new.tsv := to_tsvector('pg_catalog.simple', coalesce(new.transcript, ''));
    return new;
end
$function$;
revoke all on function private.write_scene_words() from public, anon, authenticated, service_role;

-- Keeps video_metadata.tsv true to the row and to the file name of its video. Trigger function, not security definer:
-- whoever may write the row can read its video.
create or replace function private.write_video_words() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    new.tsv := private.to_video_words(
        new.title, new.description, new.tags,
        (select v.filename from public.videos as v where v.video_id = new.video_id)
    );
    return new;
end
$function$;
revoke all on function private.write_video_words() from public, anon, authenticated, service_role;

create or replace trigger scenes_write_words
before insert or update of transcript, tsv on public.scenes
for each row execute function private.write_scene_words();
create or replace trigger video_metadata_write_words
before insert or update of title, description, tags, tsv on public.video_metadata
for each row execute function private.write_video_words();

update public.scenes set tsv = to_tsvector('pg_catalog.simple', coalesce(transcript, ''))
where tsv is distinct from to_tsvector('pg_catalog.simple', coalesce(transcript, ''));
update public.video_metadata set tsv = null where tsv is null;

do $migration$
begin
    if exists (select from pg_catalog.pg_extension where extname = 'btree_gin') then
        create index if not exists idx_scenes_user_tsv on public.scenes using gin (user_id, tsv);
        create index if not exists idx_scenes_organization_tsv on public.scenes using gin (organization_id, tsv)
        where organization_id is not null;
        create index if not exists idx_video_metadata_user_tsv on public.video_metadata using gin (user_id, tsv);
        create index if not exists idx_video_metadata_organization_tsv
        on public.video_metadata using gin (organization_id, tsv) where organization_id is not null;
        drop index if exists public.idx_scenes_tsv;
    else
        create index if not exists idx_scenes_tsv on public.scenes using gin (tsv);
        create index if not exists idx_video_metadata_tsv on public.video_metadata using gin (tsv);
    end if;
end
$migration$;
