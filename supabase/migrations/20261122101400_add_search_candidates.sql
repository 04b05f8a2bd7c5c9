-- The candidates of a search: the scenes that match a query, found through the indexes and fused into one order.
--
-- Why: text operators are not leakproof, so under row level security no GIN index serves them. This function looks past
-- RLS and filters on the owner itself; the rows that a client sees are then read under RLS by scene_id.
-- What stays unchanged: tables and indexes. The functions that it calls are those of 20261122104000 and 20261122104100;
-- they are looked up when it runs.

-- Whose rows a search may find, and which of them it was asked for; null means no such filter.
-- caller, organizations: a row counts when it belongs to either. deleted: videos whose deletion has begun.
-- organization_id: rows of this organisation only. video_id: this video only. videos: these only (array of video_id).
-- people: scenes in which each of these persons appears. language: primary subtag in lower case. spoken: the language
-- tags of the scenes that count. until: scenes created by then.
do $migration$
begin
    if pg_catalog.to_regtype('private.search_scope') is null then
        create type private.search_scope as (
            caller uuid, organizations uuid[], deleted uuid[], organization_id uuid, video_id uuid, videos uuid[],
            people uuid[], language text, spoken text[], until timestamptz
        );
    end if;
    if pg_catalog.to_regtype('private.search_match') is null then
        create type private.search_match as (scene_id uuid, video_id uuid, rank integer);
    end if;
end
$migration$;

-- The scope of a search of the caller. p_filters: as private.find_scene_candidates takes them. p_as_of: scenes created
-- by then, or null for all. Returns private.search_scope. Errors: token_missing.
-- Not security definer: private.find_scene_candidates calls it as its owner.
create or replace function private.to_search_scope(p_filters jsonb, p_as_of timestamptz) returns private.search_scope
language plpgsql
stable
set search_path = ''
as $function$
declare
    v_scope private.search_scope;
begin
    v_scope.caller := private.require_caller();
    v_scope.organizations := private.list_own_organizations();
    v_scope.deleted := private.list_deleted_videos();
    v_scope.organization_id := (p_filters ->> 'organization_id')::uuid;
    v_scope.video_id := (p_filters ->> 'video_id')::uuid;
    v_scope.language := lower(split_part(translate(p_filters ->> 'language', '_', '-'), '-', 1));
    v_scope.until := coalesce(p_as_of, 'infinity');
    if v_scope.organization_id is not null then
        v_scope.organizations := array(
            select o.id from unnest(v_scope.organizations) as o (id) where o.id = v_scope.organization_id
        );
    end if;
    v_scope.spoken := private.list_spoken_languages(v_scope.caller, v_scope.organizations);
    if v_scope.language is not null then
        v_scope.spoken := array(
            select l.tag
            from unnest(v_scope.spoken) as l (tag)
            where lower(split_part(translate(l.tag, '_', '-'), '-', 1)) = v_scope.language
        );
    end if;
    if jsonb_array_length(p_filters -> 'person_ids') > 0 then
        v_scope.people := array(
            select distinct p.id::uuid from jsonb_array_elements_text(p_filters -> 'person_ids') as p (id)
        );
    end if;
    if p_filters ?| array['min_duration', 'max_duration', 'created_from', 'created_to'] then
        v_scope.videos := array(
            select v.video_id
            from public.videos as v
            where
                (v.user_id = v_scope.caller or v.organization_id = any(v_scope.organizations))
                and v.deleted_at is null
                and (not p_filters ? 'min_duration' or v.duration_s >= (p_filters ->> 'min_duration')::numeric)
                and (not p_filters ? 'max_duration' or v.duration_s <= (p_filters ->> 'max_duration')::numeric)
                and v.created_at >= coalesce((p_filters ->> 'created_from')::timestamptz, '-infinity')
                and v.created_at <= coalesce((p_filters ->> 'created_to')::timestamptz, 'infinity')
        );
    end if;
    return v_scope;
end
$function$;
revoke all on function private.to_search_scope(jsonb, timestamptz) from public, anon, authenticated, service_role;

-- Finds one page of scenes, best first.
-- p_query: {"terms": to_tsquery syntax, "text": the words that are looked for, "parts": [{"word", "term"}] when the
-- query is a plain list of words}, as shared/search/text-query.ts writes it; null for a search by vector alone.
-- p_vector: 1152 numbers, or null.
-- p_filters: {"video_id", "organization_id", "person_ids": [ids] who all appear, "min_duration", "max_duration":
-- seconds of the video, "created_from", "created_to": times of the video, "language": BCP 47 tag, of which the primary
-- subtag counts}; each may be absent.
-- p_weights: {"text", "metadata", "people", "vector"}. p_k: constant of reciprocal rank fusion.
-- p_as_of: only scenes created until then, or null; later pages of one search leave out what came after the first.
-- p_score, p_hit_id: where the page before ended, or null. p_limit: 1 to 101.
-- Returns (hit_id, scene_id, video_id, score, ranks from 1 in each branch or null). score is the sum of
-- weight / (k + rank). hit_id is the scene, or the video when scene_id is null: its metadata matched, it has no scene.
-- The metadata branch ranks videos. Its rank counts for the scenes of the video that other branches found, or for the
-- first scene when there are none. Text ranks from 2,001 on are of scenes that hold some of the words, in a video whose
-- metadata hold the others. People of the caller who are named in the query are found in the scenes in which
-- they appear, and the other words of the query are then looked for without the names too.
-- Scenes of deleted videos are left out, and those of an organisation whose member the caller is not.
-- Errors: token_missing; validation_failed (limit).
-- Security definer: see the head of this file. Trust boundary: filters on auth.uid() and its memberships; returns ids.
create or replace function private.find_scene_candidates(
    p_query jsonb, p_vector real [], p_filters jsonb, p_weights jsonb, p_k integer, p_as_of timestamptz,
    p_score double precision, p_hit_id uuid, p_limit integer
)
returns table (
    hit_id uuid, scene_id uuid, video_id uuid, score double precision, text_rank integer, metadata_rank integer,
    people_rank integer, vector_rank integer
)
language plpgsql
stable
security definer
set search_path = ''
-- One search takes one core, whoever asks: workers would take those of the others.
set max_parallel_workers_per_gather = 0
-- GIN indexes answer by bitmaps only, and the transaction of a request does without them (shared/database/doors.ts).
set enable_bitmapscan = 'on'
rows 20
as $function$
declare
    v_scope private.search_scope;
    v_words tsquery;
    v_parts tsquery[];
    v_near text[];
    v_people uuid[];
    v_vectors private.search_match[];
    v_text_weight constant double precision := p_weights ->> 'text';
    v_metadata_weight constant double precision := p_weights ->> 'metadata';
    v_people_weight constant double precision := p_weights ->> 'people';
    v_vector_weight constant double precision := p_weights ->> 'vector';
begin
    if coalesce(p_limit, 0) not between 1 and 101 then
        perform private.raise_error('validation_failed', 'Ask for 1 to 101 candidates');
    end if;
    v_scope := private.to_search_scope(p_filters, p_as_of);
    if p_query is not null then
        select r.words, r.parts, r.near, r.people into v_words, v_parts, v_near, v_people
        from private.read_search_query(v_scope, p_query) as r;
    end if;
    if p_vector is not null then
        v_vectors := array(select m from private.find_vector_matches(v_scope, p_vector) as m);
    end if;

    return query
    with found as (
        select
            f.scene_id, f.video_id, min(f.text_rank) as text_rank, min(f.people_rank) as people_rank,
            min(f.vector_rank) as vector_rank
        from (
            select
                m.scene_id, m.video_id, m.rank as text_rank, null::integer as people_rank, null::integer as vector_rank
            from private.find_text_matches(v_scope, v_words) as m
            union all
            select m.scene_id, m.video_id, m.rank, null, null
            from private.find_spread_matches(v_scope, v_parts) as m
            union all
            select m.scene_id, m.video_id, null, m.rank, null
            from private.find_people_matches(v_scope, v_people) as m
            union all
            select m.scene_id, m.video_id, null, null, m.rank
            from unnest(v_vectors) as m
        ) as f
        group by f.scene_id, f.video_id
    ),

    described as materialized (
        select m.scene_id, m.video_id, m.rank
        from private.find_video_matches(v_scope, v_words, v_near) as m
    ),

    hits as (
        select
            f.scene_id as hit_id, f.scene_id, f.video_id, f.text_rank, d.rank as metadata_rank, f.people_rank,
            f.vector_rank
        from found as f
        left join described as d on f.video_id = d.video_id
        union all
        select coalesce(d.scene_id, d.video_id), d.scene_id, d.video_id, null, d.rank, null, null
        from described as d
        where not exists (select from found as f where f.video_id = d.video_id)
    ),

    scored as (
        select
            h.hit_id, h.scene_id, h.video_id, h.text_rank, h.metadata_rank, h.people_rank, h.vector_rank,
            coalesce(v_text_weight / (p_k + h.text_rank), 0)
            + coalesce(v_metadata_weight / (p_k + h.metadata_rank), 0)
            + coalesce(v_people_weight / (p_k + h.people_rank), 0)
            + coalesce(v_vector_weight / (p_k + h.vector_rank), 0) as score
        from hits as h
    )

    select c.hit_id, c.scene_id, c.video_id, c.score, c.text_rank, c.metadata_rank, c.people_rank, c.vector_rank
    from scored as c
    where p_hit_id is null or (c.score, c.hit_id) < (p_score, p_hit_id)
    order by c.score desc, c.hit_id desc
    limit p_limit;
end
$function$;
revoke all on function private.find_scene_candidates(
    jsonb, real [], jsonb, jsonb, integer, timestamptz, double precision, uuid, integer
) from public, anon, authenticated, service_role;
grant execute on function private.find_scene_candidates(
    jsonb, real [], jsonb, jsonb, integer, timestamptz, double precision, uuid, integer
) to authenticated;
