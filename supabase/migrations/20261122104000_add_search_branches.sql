-- The branches of a search: scenes by their words, videos by their words, scenes of people who are named.
--
-- Why: private.find_scene_candidates (20261122101400) fuses several lists of ranked scenes. Each is found by a function
-- of its own, so that each is one short plan and a branch that is not asked costs nothing.
-- What stays unchanged: who may see what. A scope says whose rows count, and only private.find_scene_candidates makes
-- one. A branch hands on at most the 2,000 newest matches of an owner, whatever the query: a word that stands in every
-- scene must not cost more than one that is rare.

-- Words of a title with one letter left out in turn: two words that differ by one letter share one of these. p_text:
-- any text or null, of which the first 64 words of 4 to 32 letters count. Letters are those of Unicode NFD in lower
-- case, so that a Hangul syllable has two or three and an accent is one. Returns a tsvector without positions.
-- Not security definer: it reads its argument only.
create or replace function private.to_near_words(p_text text) returns tsvector
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return (
        select array_to_tsvector(coalesce(array_agg(distinct v.variant), array[]::text[]))
        from (
            select normalize(w.word, nfd) as word
            from regexp_split_to_table(lower(normalize(left(p_text, 1024), nfkc)), '[^[:alnum:]]+') as w (word)
            limit 64
        ) as w
        cross join lateral (
            select w.word as variant
            union all
            select overlay(w.word placing '' from n for 1)
            from generate_series(1, char_length(w.word)) as n
        ) as v
        where char_length(w.word) between 4 and 32
    );
end
$function$;
revoke all on function private.to_near_words(text) from public, anon, authenticated, service_role;
grant execute on function private.to_near_words(text) to authenticated, service_role;

-- Tells whether one word becomes the other by one letter: wrong, missing, too many, or swapped with its neighbour.
-- p_word, p_other: words as private.to_near_words compares them. Returns a boolean, true for equal words. A word with a
-- digit is near itself only: 2025 is no misspelt 2026. Not security definer: it reads its arguments only.
create or replace function private.is_near(p_word text, p_other text) returns boolean
language plpgsql
immutable
set search_path = ''
as $function$
declare
    v_length integer := char_length(p_word);
    v_other integer := char_length(p_other);
    v_at integer := 1;
begin
    if p_word = p_other then
        return true;
    end if;
    if greatest(v_length, v_other) < 4 or abs(v_length - v_other) > 1 or p_word || p_other ~ '[0-9]' then
        return false;
    end if;
    while substr(p_word, v_at, 1) = substr(p_other, v_at, 1) loop
        v_at := v_at + 1;
    end loop;
    if v_length <> v_other then
        return case
            when v_length > v_other then substr(p_word, v_at + 1) = substr(p_other, v_at)
            else substr(p_word, v_at) = substr(p_other, v_at + 1)
        end;
    end if;
    return substr(p_word, v_at + 1) = substr(p_other, v_at + 1)
        or (
            substr(p_word, v_at, 1) = substr(p_other, v_at + 1, 1)
            and substr(p_word, v_at + 1, 1) = substr(p_other, v_at, 1)
            and substr(p_word, v_at + 2) = substr(p_other, v_at + 2)
        );
end
$function$;
revoke all on function private.is_near(text, text) from public, anon, authenticated, service_role;

-- Tells whether each word is in a title or near a word of it. p_title: any text. p_words: in lower case and Unicode
-- NFD. Returns a boolean, true for no words. Not security definer: it reads its arguments only.
create or replace function private.is_near_title(p_title text, p_words text[]) returns boolean
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return (
        select coalesce(bool_and(exists (
            select
            from regexp_split_to_table(lower(normalize(left(p_title, 1024), nfkc)), '[^[:alnum:]]+') as t (word)
            where private.is_near(w.word, normalize(t.word, nfd))
        )), true)
        from unnest(p_words) as w (word)
    );
end
$function$;
revoke all on function private.is_near_title(text, text[]) from public, anon, authenticated, service_role;

alter table public.video_metadata
add column if not exists near_words tsvector generated always as (private.to_near_words(title)) stored;

do $migration$
begin
    if exists (select from pg_catalog.pg_extension where extname = 'btree_gin') then
        create index if not exists idx_video_metadata_user_near_words
        on public.video_metadata using gin (user_id, near_words);
        create index if not exists idx_video_metadata_organization_near_words
        on public.video_metadata using gin (organization_id, near_words) where organization_id is not null;
    else
        create index if not exists idx_video_metadata_near_words on public.video_metadata using gin (near_words);
    end if;
end
$migration$;

-- The newest scenes of an owner, for words that most of them hold.
create index if not exists idx_scenes_user_created_at on public.scenes (user_id, created_at desc, scene_id desc);
create index if not exists idx_scenes_organization_created_at
on public.scenes (organization_id, created_at desc, scene_id desc) where organization_id is not null;
-- The languages of a library, one probe each.
create index if not exists idx_scenes_user_language on public.scenes (user_id, language);
create index if not exists idx_scenes_organization_language
on public.scenes (organization_id, language) where organization_id is not null;
-- The scenes of a person, surest first, without reading the table.
create index if not exists idx_scene_people_person_confidence
on public.scene_people (person_id, confidence desc, scene_id);

-- Hands a changed language of a video down: the words of its rows hold stems of it. Scenes of another language keep
-- theirs. Trigger function. Security definer: clients may change the language of a video, but no scene. Trust boundary:
-- takes the row of the trigger, which RLS let through.
create or replace function private.hand_down_video_language() returns trigger
language plpgsql
security definer
set search_path = ''
as $function$
begin
    update public.scenes set language = new.language
    where video_id = new.video_id and language is not distinct from old.language;
    update public.video_metadata set title = title where video_id = new.video_id;
    return null;
end
$function$;
revoke all on function private.hand_down_video_language() from public, anon, authenticated, service_role;

create or replace trigger videos_hand_down_language
after update of language on public.videos
for each row
when (old.language is distinct from new.language)
execute function private.hand_down_video_language();

-- The query that finds what a person means by some terms. p_terms: to_tsquery syntax as shared/search/text-query.ts
-- writes it, or null. p_configurations: names in pg_catalog beside "simple". Returns a tsquery, the terms in each of
-- them or-ed; null when it names no word to look for. Not security definer: it reads its arguments only.
create or replace function private.to_search_query(p_terms text, p_configurations text[]) returns tsquery
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_query tsquery := to_tsquery('pg_catalog.simple', coalesce(p_terms, ''));
    v_stems tsquery;
    v_name text;
begin
    if querytree(v_query) in ('', 'T') then
        return null;
    end if;
    foreach v_name in array p_configurations loop
        v_stems := to_tsquery(('pg_catalog.' || v_name)::regconfig, p_terms);
        -- Only stop words are left, or only what must not be there: the words as they are written say more.
        continue when querytree(v_stems) in ('', 'T') or v_stems = v_query;
        v_query := v_query || v_stems;
    end loop;
    return v_query;
end
$function$;
revoke all on function private.to_search_query(text, text[]) from public, anon, authenticated, service_role;

-- The language tags of the scenes in a library. p_caller: whose. p_organizations: whose too. Returns an array of BCP 47
-- tags as they are written, empty when no scene has one.
-- Not security definer: private.to_search_scope calls it as its owner.
create or replace function private.list_spoken_languages(p_caller uuid, p_organizations uuid[]) returns text[]
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_tags text[] := array[]::text[];
    v_organization uuid;
    v_tag text := '';
begin
    -- One probe a language: "distinct" would read every row. Fifty tags are more than a library has.
    for v_probe in 1..50 loop
        select s.language into v_tag
        from public.scenes as s
        where s.user_id = p_caller and s.language > v_tag
        order by s.language
        limit 1;
        exit when v_tag is null;
        v_tags := array_append(v_tags, v_tag);
    end loop;
    foreach v_organization in array p_organizations loop
        v_tag := '';
        for v_probe in 1..50 loop
            select s.language into v_tag
            from public.scenes as s
            where s.organization_id = v_organization and s.language > v_tag
            order by s.language
            limit 1;
            exit when v_tag is null;
            v_tags := array_append(v_tags, v_tag);
        end loop;
    end loop;
    return v_tags;
end
$function$;
revoke all on function private.list_spoken_languages(uuid, uuid[]) from public, anon, authenticated, service_role;

-- The configurations in which a search reads its query. p_scope: of the search. Returns names in pg_catalog, at most
-- five: those of the languages of the scope, and "english" when a scene of the caller has no language, or none is
-- known. Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.list_search_configurations(p_scope private.search_scope) returns text[]
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_names text[] := array(select private.pick_configuration(l.tag) from unnest(p_scope.spoken) as l (tag));
begin
    if p_scope.language is not null then
        v_names := array[private.pick_configuration(p_scope.language)];
    elsif cardinality(v_names) = 0 or exists (
        select from public.scenes as s where s.user_id = p_scope.caller and s.language is null
    ) then
        v_names := array_prepend('english', v_names);
    end if;
    return array(
        select n.name from unnest(v_names) with ordinality as n (name, place)
        group by n.name order by min(n.place) limit 5
    );
end
$function$;
revoke all on function private.list_search_configurations(private.search_scope)
from public, anon, authenticated, service_role;

-- The conditions by which a scope leaves scenes out, for the statements of the branches. p_scope: of the search.
-- Returns SQL over alias s of public.scenes with the scope as $1; values never stand in it. Each filter is there only
-- when it was asked for, so that a plan holds nothing else. Not security definer: it reads its argument only.
create or replace function private.to_scene_conditions(p_scope private.search_scope) returns text
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return concat_ws(
        ' and ',
        's.created_at <= ($1).until',
        case when cardinality((p_scope).deleted) > 0 then 's.video_id <> all(($1).deleted)' end,
        case when (p_scope).organization_id is not null then 's.organization_id = ($1).organization_id' end,
        case when (p_scope).video_id is not null then 's.video_id = ($1).video_id' end,
        case when (p_scope).videos is not null then 's.video_id = any(($1).videos)' end,
        (
            select string_agg(
                format(
                    'exists (select from public.scene_people as a '
                    'where a.scene_id = s.scene_id and a.person_id = ($1).people[%s])', n
                ),
                ' and '
            )
            from generate_subscripts((p_scope).people, 1) as n
        ),
        case when (p_scope).language is not null then 's.language = any(($1).spoken)' end
    );
end
$function$;
revoke all on function private.to_scene_conditions(private.search_scope)
from public, anon, authenticated, service_role;

-- The conditions by which a scope leaves videos out, as private.to_scene_conditions, over alias s of
-- public.video_metadata. What a scope says of scenes does not count here.
-- Returns SQL with the scope as $1. Not security definer: it reads its argument only.
create or replace function private.to_video_conditions(p_scope private.search_scope) returns text
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return concat_ws(
        ' and ',
        's.created_at <= ($1).until',
        case when cardinality(p_scope.deleted) > 0 then 's.video_id <> all(($1).deleted)' end,
        case when p_scope.organization_id is not null then 's.organization_id = ($1).organization_id' end,
        case when p_scope.video_id is not null then 's.video_id = ($1).video_id' end,
        case when p_scope.videos is not null then 's.video_id = any(($1).videos)' end
    );
end
$function$;
revoke all on function private.to_video_conditions(private.search_scope)
from public, anon, authenticated, service_role;

-- The owners whose rows a scope reaches, one condition each: an index serves one owner at a time. p_scope: of the
-- search. Returns SQL conditions over alias s with the scope as $1, the caller first, then each organisation.
-- Not security definer: it reads its argument only.
create or replace function private.to_owner_conditions(p_scope private.search_scope) returns text[]
language plpgsql
immutable
set search_path = ''
as $function$
begin
    return array['s.user_id = ($1).caller'] || array(
        select format(
            's.organization_id = ($1).organizations[%s] and s.user_id is distinct from ($1).caller', n
        )
        from generate_subscripts((p_scope).organizations, 1) as n
    );
end
$function$;
revoke all on function private.to_owner_conditions(private.search_scope)
from public, anon, authenticated, service_role;

-- The scenes whose words match. p_scope: of the search. p_words: as private.to_search_query makes it, or null. Returns
-- private.search_match, ranks from 1: the better match first, then the newer scene. Of more than 2,000 matches of one
-- owner the 2,000 newest are ranked; the planner reads the index of words or that of times, whichever is shorter.
-- Not security definer: text operators are not leakproof, so private.find_scene_candidates calls it as its owner.
create or replace function private.find_text_matches(p_scope private.search_scope, p_words tsquery)
returns setof private.search_match
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_arms text;
begin
    if p_words is null then
        return;
    end if;
    select string_agg(
        format(
            '(select s.scene_id, s.video_id, s.start_s, s.created_at, s.words from public.scenes as s '
            'where %s and s.words @@ $2 and %s order by s.created_at desc, s.scene_id desc limit 2000)',
            o.condition, private.to_scene_conditions(p_scope)
        ),
        ' union all '
    ) into v_arms
    from unnest(private.to_owner_conditions(p_scope)) as o (condition);
    return query execute format(
        'select r.scene_id, r.video_id, r.rank::integer from ('
        'select s.scene_id, s.video_id, row_number() over ('
        'order by ts_rank(s.words, $2, 1) desc, s.created_at desc, s.video_id, s.start_s, s.scene_id) as rank '
        'from (%s) as s) as r where r.rank <= 2000', v_arms
    ) using p_scope, p_words;
end
$function$;
revoke all on function private.find_text_matches(private.search_scope, tsquery)
from public, anon, authenticated, service_role;

-- The videos whose title, tags, file name or description match, and those whose title nearly does. p_scope: of the
-- search. p_words: as private.to_search_query makes it, or null. p_near: the words of the query in lower case and
-- Unicode NFKC, or null.
-- Returns private.search_match with the first scene that the scope lets through, null when the video has none, ranks
-- from 1. A title that differs from the query by one letter a word ranks from 2,001 on, behind every match of a word.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.find_video_matches(p_scope private.search_scope, p_words tsquery, p_near text[])
returns setof private.search_match
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_conditions text := private.to_video_conditions(p_scope);
    -- When a video without a scene counts: nobody appears in it, and its language is its own.
    v_bare text := case when p_scope.people is not null then 'false' else concat_ws(
        ' and ',
        'not exists (select from public.scenes as b where b.video_id = r.video_id)',
        case when p_scope.language is not null then
            '(select lower(split_part(translate(v.language, ''_'', ''-''), ''-'', 1)) from public.videos as v '
            'where v.video_id = r.video_id) = ($1).language'
        end
    ) end;
    v_near text[];
    v_variants tsquery;
    v_arms text;
    v_videos uuid[];
    v_ranks integer[];
begin
    if p_words is null then
        return;
    end if;
    select
        array_agg(w.word),
        string_agg('(' || w.variants || ')', ' & ') filter (
            -- A word of more than 2,046 bytes is no tsquery; the title is compared with it nevertheless.
            where char_length(w.word) > 2 and octet_length(w.word) < 2047
        )::tsquery
    into v_near, v_variants
    from (
        select
            normalize(n.word, nfd) as word,
            (
                select string_agg(quote_literal(v.variant), ' | ')
                from (
                    select normalize(n.word, nfd) as variant
                    union
                    select unnest(tsvector_to_array(private.to_near_words(n.word)))
                ) as v
            ) as variants
        from (select distinct u.word from unnest(p_near) as u (word)) as n
        where to_tsvector('pg_catalog.english', n.word) <> ''::tsvector
        limit 8
    ) as w;
    select string_agg(
        format(
            '(select s.video_id, s.created_at, s.words, 0 as misspelt from public.video_metadata as s '
            'where %1$s and s.words @@ $2 and %2$s order by s.created_at desc, s.video_id desc limit 2000)',
            o.condition, v_conditions
        ) || case when v_variants is null then '' else format(
            ' union all (select s.video_id, s.created_at, s.words, 2000 from public.video_metadata as s '
            'where %1$s and s.near_words @@ $3 and not s.words @@ $2 and %2$s '
            'and private.is_near_title(s.title, $4) order by s.created_at desc, s.video_id desc limit 2000)',
            o.condition, v_conditions
        ) end,
        ' union all '
    ) into v_arms
    from unnest(private.to_owner_conditions(p_scope)) as o (condition);
    execute format(
        'select array_agg(r.video_id), array_agg((r.misspelt + r.place)::integer) from ('
        'select s.video_id, s.misspelt, row_number() over (partition by s.misspelt '
        'order by ts_rank(s.words, $2, 1) desc, s.created_at desc, s.video_id) as place '
        'from (%s) as s) as r where r.place <= 2000', v_arms
    ) into v_videos, v_ranks using p_scope, p_words, v_variants, v_near;
    if v_videos is null then
        return;
    end if;
    return query execute format(
        'select f.scene_id, r.video_id, r.rank from unnest($2, $3) as r (video_id, rank) '
        'left join lateral (select s.scene_id from public.scenes as s where s.video_id = r.video_id and %s '
        'order by s.start_s, s.scene_id limit 1) as f on true '
        'where f.scene_id is not null or %s', private.to_scene_conditions(p_scope), v_bare
    ) using p_scope, v_videos, v_ranks;
end
$function$;
revoke all on function private.find_video_matches(private.search_scope, tsquery, text[])
from public, anon, authenticated, service_role;

-- The scenes that hold some words of a list, in a video whose title, tags, file name or description hold the others.
-- p_scope: of the search. p_parts: what each word looks for, or null.
-- Returns private.search_match, ranks from 2,001 on, behind every scene that holds all the words. Of each owner the
-- twenty videos are looked into whose metadata hold the most of the words, the newest first, a hundred in all; of each
-- its first scenes, 2,000 together.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.find_spread_matches(p_scope private.search_scope, p_parts tsquery[])
returns setof private.search_match
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_any tsquery;
    v_all tsquery;
    v_part tsquery;
    v_arms text;
    v_videos uuid[];
    v_missing tsquery[];
begin
    if coalesce(cardinality(p_parts), 0) < 2 then
        return;
    end if;
    foreach v_part in array p_parts loop
        v_any := coalesce(v_any || v_part, v_part);
        v_all := coalesce(v_all && v_part, v_part);
    end loop;
    select string_agg(
        format(
            '(select s.video_id, s.words, s.created_at from public.video_metadata as s '
            'where %s and s.words @@ $3 and not s.words @@ $4 and %s '
            'order by (select count(*) from unnest($2) as p (part) where s.words @@ p.part) desc, '
            's.created_at desc, s.video_id limit 20)',
            o.condition, private.to_video_conditions(p_scope)
        ),
        ' union all '
    ) into v_arms
    from unnest(private.to_owner_conditions(p_scope)) as o (condition);
    execute format(
        'select array_agg(s.video_id), array_agg(('
        'select string_agg(''('' || p.part::text || '')'', '' & '') from unnest($2) as p (part) '
        'where not s.words @@ p.part)::tsquery) from (select * from (%s) as a limit 100) as s', v_arms
    ) into v_videos, v_missing using p_scope, p_parts, v_any, v_all;
    if v_videos is null then
        return;
    end if;
    -- One arm a video, so that the planner knows its words: many scenes hold a common one, and the first will do.
    select string_agg(
        format(
            '(select s.scene_id, s.video_id, s.created_at, s.start_s, ts_rank(s.words, ($3)[%1$s], 1) as score '
            'from public.scenes as s where s.video_id = ($2)[%1$s] and s.words @@ ($3)[%1$s] and %2$s '
            'order by s.start_s limit %3$s)',
            n, private.to_scene_conditions(p_scope), 2000 / cardinality(v_videos)
        ),
        ' union all '
    ) into v_arms
    from generate_subscripts(v_videos, 1) as n;
    return query execute format(
        'select s.scene_id, s.video_id, 2000 + (row_number() over ('
        'order by s.score desc, s.created_at desc, s.video_id, s.start_s, s.scene_id))::integer '
        'from (%s) as s', v_arms
    ) using p_scope, v_videos, v_missing;
end
$function$;
revoke all on function private.find_spread_matches(private.search_scope, tsquery[])
from public, anon, authenticated, service_role;

-- Tells whether a word of a text is a word of a name. p_word: of the text. p_name: of the name; both in lower case.
-- Returns a boolean. A name that ends in Hangul, Kana or Han and has two characters or more may carry a particle.
-- Not security definer: it reads its arguments only.
create or replace function private.is_name_word(p_word text, p_name text) returns boolean
language sql
immutable
set search_path = ''
as $function$
    select p_word = p_name
        or (
            char_length(p_name) > 1 and p_name ~ '[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]$'
            and starts_with(p_word, p_name)
        )
$function$;
revoke all on function private.is_name_word(text, text) from public, anon, authenticated, service_role;

-- The people of the caller who are named in a text. p_scope: of the search. p_text: words of a query in lower case and
-- Unicode NFKC, in their order, each between single spaces, one at each end too.
-- Returns (person_id, name), at most ten, the longest names first; name in the form that stands in p_text. A name that
-- ends in Hangul, Kana or Han and has two characters or more may be followed by a particle.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.find_named_people(p_scope private.search_scope, p_text text)
returns table (person_id uuid, name text)
language plpgsql
stable
set search_path = ''
as $function$
begin
    return query
    select n.person_id, n.name
    from (
        select
            f.person_id,
            btrim(regexp_replace(lower(normalize(f.name, nfkc)), '[^[:alnum:]]+', ' ', 'g')) as name
        from public.face_profiles as f
        where f.user_id = (p_scope).caller and f.deleted_at is null
    ) as n
    where
        n.name <> ''
        and (
            strpos(p_text, ' ' || n.name || ' ') > 0
            or (
                char_length(n.name) > 1 and n.name ~ '[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]$'
                and strpos(p_text, ' ' || n.name) > 0
            )
        )
    order by char_length(n.name) desc, n.person_id
    limit 10;
end
$function$;
revoke all on function private.find_named_people(private.search_scope, text)
from public, anon, authenticated, service_role;

-- What a query asks the branches for. p_scope: of the search. p_query: as private.find_scene_candidates takes it.
-- Returns one row: words, null when there is none to look for; parts, what each word of a plain list looks for, without
-- stop words and names of people, at most eight; near, the words of such a list in lower case; people, the named ones.
-- The last three are null when there are none.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.read_search_query(p_scope private.search_scope, p_query jsonb)
returns table (words tsquery, parts tsquery[], near text[], people uuid[])
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_text text := ' ' || btrim(regexp_replace(lower(p_query ->> 'text'), '[^[:alnum:]]+', ' ', 'g')) || ' ';
    v_configurations text[] := private.list_search_configurations(p_scope);
    v_names text[];
    v_rest text;
begin
    words := private.to_search_query(p_query ->> 'terms', v_configurations);
    if words is null then
        return next;
        return;
    end if;
    select array_agg(n.person_id), array_agg(n.name) into people, v_names
    from private.find_named_people(p_scope, v_text) as n;
    if p_query ? 'parts' then
        near := string_to_array(btrim(v_text), ' ');
        select string_agg(p.term, ' & '), array_agg(private.to_search_query(p.term, v_configurations)) filter (
            where p.place <= 8 and to_tsvector('pg_catalog.english', p.word) <> ''::tsvector
        ) into v_rest, parts
        from (
            select
                l.part ->> 'term' as term, l.place,
                btrim(regexp_replace(lower(l.part ->> 'word'), '[^[:alnum:]]+', ' ', 'g')) as word
            from jsonb_array_elements(p_query -> 'parts') with ordinality as l (part, place)
        ) as p
        where not exists (
            select
            from unnest(v_names) as n (name)
            cross join regexp_split_to_table(n.name, ' ') as w (word)
            where private.is_name_word(p.word, w.word)
        );
        if v_names is not null then
            words := words || coalesce(private.to_search_query(v_rest, v_configurations), words);
        end if;
    end if;
    return next;
end
$function$;
revoke all on function private.read_search_query(private.search_scope, jsonb)
from public, anon, authenticated, service_role;

-- The scenes in which named people appear. p_scope: of the search. p_people: array of person_id, or null.
-- Returns private.search_match, ranks from 1: more of them first, then the surer, at most 2,000 a person.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.find_people_matches(p_scope private.search_scope, p_people uuid[])
returns setof private.search_match
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_arms text;
begin
    if p_people is null then
        return;
    end if;
    select string_agg(
        format(
            -- "coalesce" hides the owner from the planner, which would rather read every scene of the caller than
            -- follow the index of the person until there are enough.
            '(select s.scene_id, s.video_id, a.confidence '
            'from public.scene_people as a inner join public.scenes as s on a.scene_id = s.scene_id '
            'where a.person_id = ($2)[%s] '
            'and coalesce(s.user_id = ($1).caller or s.organization_id = any(($1).organizations), false) '
            'and %s order by a.confidence desc, a.scene_id limit 2000)',
            n, private.to_scene_conditions(p_scope)
        ),
        ' union all '
    ) into v_arms
    from generate_subscripts(p_people, 1) as n;
    return query execute format(
        'select f.scene_id, f.video_id, (row_number() over ('
        'order by count(*) desc, sum(f.confidence) desc, f.scene_id))::integer '
        'from (%s) as f group by f.scene_id, f.video_id order by 3 limit 2000', v_arms
    ) using p_scope, p_people;
end
$function$;
revoke all on function private.find_people_matches(private.search_scope, uuid[])
from public, anon, authenticated, service_role;

-- A text with the words of a query marked, whole. p_text: any text or null, of which the first 65,536 characters count.
-- p_terms: to_tsquery syntax, or null for nothing to mark. p_options: of ts_headline; its marks are private-use
-- characters and are taken out of the text first. p_language: BCP 47 tag of the text, or null. Returns the text in
-- Unicode NFKC, null for null. A word that is only a stop word of the language is marked as it is written.
-- Not security definer: it reads its arguments only.
create or replace function private.mark_words(p_text text, p_terms text, p_options text, p_language text) returns text
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_text text := translate(normalize(left(p_text, 65536), nfkc), U&'\E000\E001', '');
    v_configuration regconfig := ('pg_catalog.' || private.pick_configuration(p_language))::regconfig;
    v_marked text;
begin
    if p_terms is null or v_text is null then
        return v_text;
    end if;
    v_marked := ts_headline(v_configuration, v_text, to_tsquery(v_configuration, p_terms), p_options);
    if strpos(v_marked, U&'\E000') = 0 then
        return ts_headline('pg_catalog.simple', v_text, to_tsquery('pg_catalog.simple', p_terms), p_options);
    end if;
    return v_marked;
end
$function$;
revoke all on function private.mark_words(text, text, text, text) from public, anon, authenticated, service_role;
grant execute on function private.mark_words(text, text, text, text) to authenticated;
