-- Full text over the transcript of a scene and over title, description, tags and file name of a video.
--
-- Why: search finds candidates by one GIN index that holds the owner beside the words (btree_gin), so that a query
-- reads the rows of the caller only. Words are kept as they are written ("simple") and as stems of the language of the
-- row; Hangul, Kana and Han, which PostgreSQL cannot stem or split, are kept as pairs of characters.
-- What stays unchanged: scenes.tsv, the legacy column with words of another configuration, which the legacy application
-- goes on with until 20270101000000. Rows that were there before get their words from private.fill_legacy_owners.

alter table public.scenes add column if not exists words tsvector;
alter table public.video_metadata add column if not exists words tsvector;

-- The text search configuration of a language. p_language: BCP 47 tag or null; its primary subtag counts. Returns a
-- name in pg_catalog: "english" for null, for a language without a configuration (Korean, Japanese and Chinese among
-- them, whose transcripts hold English words) and for what is no tag. Not security definer: it reads nothing.
create or replace function private.pick_configuration(p_language text) returns text
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return case lower(split_part(translate(p_language, '_', '-'), '-', 1))
        when 'ar' then 'arabic' when 'ca' then 'catalan' when 'da' then 'danish' when 'de' then 'german'
        when 'el' then 'greek' when 'es' then 'spanish' when 'eu' then 'basque' when 'fi' then 'finnish'
        when 'fr' then 'french' when 'ga' then 'irish' when 'hi' then 'hindi' when 'hu' then 'hungarian'
        when 'hy' then 'armenian' when 'id' then 'indonesian' when 'it' then 'italian' when 'lt' then 'lithuanian'
        when 'nb' then 'norwegian' when 'ne' then 'nepali' when 'nl' then 'dutch' when 'nn' then 'norwegian'
        when 'no' then 'norwegian' when 'pt' then 'portuguese' when 'ro' then 'romanian' when 'ru' then 'russian'
        when 'sr' then 'serbian' when 'sv' then 'swedish' when 'ta' then 'tamil' when 'tr' then 'turkish'
        when 'yi' then 'yiddish'
        else 'english'
    end;
end
$function$;
revoke all on function private.pick_configuration(text) from public, anon, authenticated, service_role;
grant execute on function private.pick_configuration(text) to authenticated, service_role;

-- A text as the parser of full text shall see it: Unicode NFKC, and each run of Hangul, Kana or Han as its first
-- character, its pairs and its last character, so that "abcd" reads "a ab bc cd d". A phrase of consecutive pairs is
-- then the substring that they make, and never reaches into the next word. shared/search/paired-text.ts does the same
-- to a query. p_text: any text or null, of which the first 65,536 characters count, because a tsvector holds 1 MB at
-- most. Returns a text, empty for null. Not security definer: it reads its argument only.
create or replace function private.to_search_text(p_text text) returns text
language plpgsql
immutable
set search_path = ''
as $function$
declare
    v_text text := coalesce(left(p_text, 65536), '');
    v_pairs constant text := '[\u1100-\u11ff\u3005-\u3007\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa'
        '\u30fc-\u30ff\u3131-\u318e\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb'
        '\uf900-\ufaff\U00020000-\U000323af]';
begin
    if octet_length(v_text) = char_length(v_text) then
        return v_text;
    end if;
    v_text := normalize(v_text, nfkc);
    if v_text !~ v_pairs then
        return v_text;
    end if;
    v_text := regexp_replace(v_text, '(' || v_pairs || '+)', ' \1 ', 'g');
    return regexp_replace(v_text, '(' || v_pairs || ')', '\1 \1', 'g');
end
$function$;
revoke all on function private.to_search_text(text) from public, anon, authenticated, service_role;
grant execute on function private.to_search_text(text) to authenticated, service_role;

-- The words of a text. p_text: any text or null. p_language: BCP 47 tag or null. Returns a tsvector: the words as they
-- are written and, behind a gap that no phrase crosses, the stems of the language where they differ.
-- Not security definer: it reads its arguments only.
create or replace function private.to_scene_words(p_text text, p_language text default null) returns tsvector
language plpgsql
immutable
set search_path = ''
as $function$
declare
    v_text text := private.to_search_text(p_text);
    v_words tsvector := to_tsvector('pg_catalog.simple', v_text);
    v_stems tsvector := to_tsvector(('pg_catalog.' || private.pick_configuration(p_language))::regconfig, v_text);
begin
    if v_stems = v_words then
        return v_words;
    end if;
    return ts_delete(v_words || '"|":16'::tsvector || v_stems, '"|"');
end
$function$;
revoke all on function private.to_scene_words(text, text) from public, anon, authenticated, service_role;
grant execute on function private.to_scene_words(text, text) to authenticated, service_role;

-- The words of a video, each part as private.to_scene_words has it. p_language: of the video. Returns a tsvector: title
-- weighs A, tags B, file name C, description D. Tags that are no array count as none, beyond 256 kB too.
-- Not security definer: it reads its arguments only.
create or replace function private.to_video_words(
    p_title text, p_description text, p_tags jsonb, p_filename text, p_language text default null
)
returns tsvector
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return setweight(private.to_scene_words(p_title, p_language), 'A')
        || setweight(private.to_scene_words((
            select string_agg(t.tag, ' | ')
            from jsonb_array_elements_text(
                case
                    when jsonb_typeof(p_tags) = 'array' and octet_length(p_tags::text) <= 262144 then p_tags else '[]'
                end
            ) as t (tag)
        ), p_language), 'B')
        || setweight(private.to_scene_words(
            translate(regexp_replace(p_filename, '\.[A-Za-z0-9]+$', ''), '_-.', '   '), p_language
        ), 'C')
        || setweight(private.to_scene_words(p_description, p_language), 'D');
end
$function$;
revoke all on function private.to_video_words(text, text, jsonb, text, text)
from public, anon, authenticated, service_role;
grant execute on function private.to_video_words(text, text, jsonb, text, text) to authenticated, service_role;

-- Keeps scenes.words true to the transcript and its language, which is that of the video unless the writer says
-- another. Trigger function, not security definer.
create or replace function private.write_scene_words() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    if new.language is null then
        select v.language into new.language
        from public.videos as v
        where v.video_id = new.video_id;
    end if;
    new.words := private.to_scene_words(new.transcript, new.language);
    return new;
end
$function$;
revoke all on function private.write_scene_words() from public, anon, authenticated, service_role;

-- Keeps video_metadata.words true to the row and to file name and language of its video. Trigger function.
-- Not security definer: whoever may write the row can read its video.
create or replace function private.write_video_words() returns trigger
language plpgsql
set search_path = ''
as $function$
begin
    select private.to_video_words(new.title, new.description, new.tags, v.filename, v.language) into new.words
    from public.videos as v
    where v.video_id = new.video_id;
    return new;
end
$function$;
revoke all on function private.write_video_words() from public, anon, authenticated, service_role;

create or replace trigger scenes_write_words
before insert or update of transcript, language on public.scenes
for each row execute function private.write_scene_words();
create or replace trigger video_metadata_write_words
before insert or update of title, description, tags on public.video_metadata
for each row execute function private.write_video_words();

-- A search reads the pending list of an index one entry after the other: 512 kB of them cost 2 ms, the usual 4 MB cost
-- every search more than the rest of it.
do $migration$
begin
    if exists (select from pg_catalog.pg_extension where extname = 'btree_gin') then
        create index if not exists idx_scenes_user_words on public.scenes using gin (user_id, words)
        with (gin_pending_list_limit = 512);
        create index if not exists idx_scenes_organization_words on public.scenes using gin (organization_id, words)
        with (gin_pending_list_limit = 512) where organization_id is not null;
        create index if not exists idx_video_metadata_user_words on public.video_metadata using gin (user_id, words);
        create index if not exists idx_video_metadata_organization_words
        on public.video_metadata using gin (organization_id, words) where organization_id is not null;
    else
        create index if not exists idx_scenes_words on public.scenes using gin (words);
        create index if not exists idx_video_metadata_words on public.video_metadata using gin (words);
    end if;
end
$migration$;
