-- The candidates of a search: the scenes that match a query, found through GIN.
--
-- Why: text operators are not leakproof, so under row level security no GIN index serves them. This function looks past
-- RLS and filters on the owner itself; the rows that a client sees are then read under RLS by scene_id.
-- What stays unchanged: tables and indexes (20261122100500).

-- Finds candidate scenes. p_query: websearch syntax (words, "phrase", or, -not), configuration "simple".
-- p_video_id: only this video, or null. p_as_of: only scenes created until then, or null; later pages of one search leave
-- out what came after the first. p_limit: candidates of each branch, 1 to 1000.
-- Returns (scene_id, text_rank, metadata_rank), ranks from 1, null where the branch did not find the scene:
-- text, a match in the transcript; metadata, a match in title, tags, file name or description, ranked by video and given
-- to the scenes of that video that the text branch found, or to its first scene when there is none.
-- A query that names no word to look for returns nothing. Scenes of deleted videos are left out.
-- Errors: token_missing; validation_failed (limit).
-- Security definer: see the head of this file. Trust boundary: filters on auth.uid() and its memberships; returns ids.
create or replace function private.find_scene_candidates(
    p_query text, p_video_id uuid, p_as_of timestamptz, p_limit integer
)
returns table (scene_id uuid, text_rank integer, metadata_rank integer)
language plpgsql
stable
security definer
set search_path = ''
as $function$
declare
    v_caller uuid := private.require_caller();
    v_organizations uuid[] := private.list_own_organizations();
    v_words tsquery := websearch_to_tsquery('pg_catalog.simple', coalesce(p_query, ''));
    v_until timestamptz := coalesce(p_as_of, 'infinity');
begin
    if coalesce(p_limit, 0) not between 1 and 1000 then
        perform private.raise_error('validation_failed', 'Ask for 1 to 1000 candidates');
    end if;
    if querytree(v_words) in ('', 'T') then
        return;
    end if;

    return query
    with text_hits as (
        select s.scene_id, s.video_id, ts_rank(s.words, v_words) as score
        from public.scenes as s
        where
            s.user_id = v_caller
            and s.words @@ v_words and s.created_at <= v_until and (p_video_id is null or s.video_id = p_video_id)
        union all
        select s.scene_id, s.video_id, ts_rank(s.words, v_words)
        from public.scenes as s
        where
            s.organization_id = any(v_organizations) and s.user_id is distinct from v_caller
            and s.words @@ v_words and s.created_at <= v_until and (p_video_id is null or s.video_id = p_video_id)
    ),

    text_ranked as (
        select h.scene_id, h.video_id, (row_number() over (order by h.score desc, h.scene_id))::integer as text_rank
        from text_hits as h
        inner join public.videos as v on h.video_id = v.video_id
        where v.deleted_at is null
        order by h.score desc, h.scene_id
        limit p_limit
    ),

    metadata_hits as (
        select m.video_id, ts_rank(m.words, v_words) as score
        from public.video_metadata as m
        where m.user_id = v_caller and m.words @@ v_words
        union all
        select m.video_id, ts_rank(m.words, v_words)
        from public.video_metadata as m
        where
            m.organization_id = any(v_organizations) and m.user_id is distinct from v_caller
            and m.words @@ v_words
    ),

    metadata_ranked as (
        select h.video_id, (row_number() over (order by h.score desc, h.video_id))::integer as metadata_rank
        from metadata_hits as h
        inner join public.videos as v on h.video_id = v.video_id
        where v.deleted_at is null and (p_video_id is null or h.video_id = p_video_id)
        order by h.score desc, h.video_id
        limit p_limit
    )

    select t.scene_id, t.text_rank, m.metadata_rank
    from text_ranked as t
    left join metadata_ranked as m on t.video_id = m.video_id
    union all
    select f.scene_id, null, m.metadata_rank
    from metadata_ranked as m
    cross join lateral (
        select s.scene_id
        from public.scenes as s
        where s.video_id = m.video_id and s.created_at <= v_until
        order by s.start_s, s.scene_id
        limit 1
    ) as f
    where not exists (select from text_ranked as t where t.video_id = m.video_id);
end
$function$;
revoke all on function private.find_scene_candidates(text, uuid, timestamptz, integer)
from public, anon, authenticated, service_role;
grant execute on function private.find_scene_candidates(text, uuid, timestamptz, integer) to authenticated;
