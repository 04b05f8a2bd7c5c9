import type { Transaction } from "../../../shared/database/doors.ts";
import { headlineOptions } from "../../../shared/search/highlights.ts";
import { type Branch, fusionK } from "../../../shared/search/rank-fusion.ts";
import type { ParsedQuery } from "../../../shared/search/text-query.ts";

/** A hit as the database gives it. */
export interface HitRow {
  /** The scene, or the video where it has no scene. */
  hit_id: string;
  scene_id: string | null;
  video_id: string;
  video_title: string | null;
  start_s: number;
  end_s: number;
  transcript: string | null;
  score: number;
  /** Rank in each branch from 1, null where the branch does not hold the hit. */
  text_rank: number | null;
  metadata_rank: number | null;
  people_rank: number | null;
  vector_rank: number | null;
  /** Transcript with the marks of `headlineOptions` around matches. */
  marked_transcript: string | null;
  /** Title, description, tags and file name, marked the same way. */
  marked_metadata: string | null;
  /** Database time of this statement's transaction. */
  now: string;
}

export interface HitPosition {
  score: number;
  hitId: string;
}

/** What a search leaves out, as private.find_scene_candidates takes it. */
export interface SceneFilters {
  video_id?: string | undefined;
  organization_id?: string | undefined;
  person_ids?: string[] | undefined;
  min_duration?: number | undefined;
  max_duration?: number | undefined;
  created_from?: string | undefined;
  created_to?: string | undefined;
  language?: string | undefined;
}

export interface AskedScenes {
  /** What was read from the search text; undefined for a search by vector alone. */
  text: ParsedQuery | undefined;
  vector: readonly number[] | undefined;
  filters: SceneFilters;
  weights: Readonly<Record<Branch, number>>;
  limit: number;
  after: HitPosition | undefined;
  /** Time of the first page as the database printed it; undefined on that page. */
  asOf: string | undefined;
}

/**
 * One page of hits, best first: `limit` rows and one more. Candidates come through the indexes from
 * a definer function that knows the caller; the rows themselves are read under RLS.
 */
export async function findScenes(sql: Transaction, o: AskedScenes): Promise<HitRow[]> {
  const query = o.text?.query ? JSON.stringify(o.text.query) : null;
  const vector = o.vector ? `{${o.vector.join(",")}}` : null;
  const marks = o.text?.marks.terms ?? null;
  // The driver would cut a timestamp parameter to milliseconds, so times travel as text.
  const rows = await sql<HitRow[]>`
    with page as materialized (
      select *
        from private.find_scene_candidates(
               ${query}::text::jsonb, ${vector}::text::real[],
               ${JSON.stringify(o.filters)}::text::jsonb, ${JSON.stringify(o.weights)}::text::jsonb,
               ${fusionK}::int, ${o.asOf ?? null}::text::timestamptz,
               ${o.after?.score ?? null}::float8, ${o.after?.hitId ?? null}::uuid,
               ${o.limit + 1}::int)
    )
    select page.*, m.title as video_title, coalesce(s.start_s, 0) as start_s,
           coalesce(s.end_s, v.duration_s, 0) as end_s, s.transcript, now()::text as now,
           private.mark_words(s.transcript, ${marks}, ${headlineOptions},
             coalesce(s.language, v.language)) as marked_transcript,
           case when page.metadata_rank is not null or page.text_rank > 2000 then private.mark_words(
             concat_ws(' · ', m.title, m.description, m.tags, v.filename),
             ${marks}, ${headlineOptions}, v.language) end as marked_metadata
      from page
      -- "limit 1" keeps each a probe of its primary key: under RLS the planner would rather read
      -- every video of the owner.
      cross join lateral (
        -- Cut into words as the index has them: the parser takes "a-b.mp4" for one token.
        select v.duration_s, v.language, translate(
                 regexp_replace(v.filename, '\\.[A-Za-z0-9]+$', ''), '_-.', '   ') as filename
          from public.videos v where v.video_id = page.video_id limit 1
      ) v
      left join lateral (
        select s.scene_id, s.start_s, s.end_s, s.transcript, s.language
          from public.scenes s where s.scene_id = page.scene_id limit 1
      ) s on true
      left join lateral (
        select m.title, m.description,
               (select string_agg(tag, ', ') from jsonb_array_elements_text(
                  case jsonb_typeof(m.tags) when 'array' then m.tags else '[]' end) tag) as tags
          from public.video_metadata m where m.video_id = page.video_id limit 1
      ) m on true
     where page.scene_id is null or s.scene_id is not null
     order by page.score desc, page.hit_id desc`;
  return [...rows];
}
