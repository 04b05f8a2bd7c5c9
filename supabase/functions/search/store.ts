import type { Transaction } from "../../../shared/database/doors.ts";
import { headlineOptions } from "../../../shared/search/highlights.ts";
import { candidatesPerBranch, fusionK } from "../../../shared/search/rank-fusion.ts";

/** A hit as the database gives it. */
export interface HitRow {
  scene_id: string;
  video_id: string;
  video_title: string | null;
  start_s: number;
  end_s: number;
  transcript: string | null;
  score: number;
  /** Transcript with the marks of `headlineOptions` around matches. */
  marked_transcript: string | null;
  /** Title, description, tags and file name, marked the same way. */
  marked_metadata: string | null;
  /** Database time of this statement's transaction. */
  now: string;
}

export interface HitPosition {
  score: number;
  sceneId: string;
}

/**
 * One page of hits, best first: `limit` rows and one more. Candidates come through the indexes from
 * a definer function that knows the caller; the rows themselves are read under RLS.
 */
export async function findScenes(
  sql: Transaction,
  o: {
    query: string;
    videoId: string | undefined;
    limit: number;
    after: HitPosition | undefined;
    asOf: string | undefined;
  },
): Promise<HitRow[]> {
  // The driver would cut a timestamp parameter to milliseconds, so times travel as text.
  const rows = await sql<HitRow[]>`
    with asked as (
      select websearch_to_tsquery('simple', ${o.query}) as query
    ), candidates as materialized (
      select c.scene_id,
             coalesce(1::float8 / (${fusionK}::int + c.text_rank), 0)
               + coalesce(1::float8 / (${fusionK}::int + c.metadata_rank), 0) as score
        from private.find_scene_candidates(
               ${o.query}, ${o.videoId ?? null}::uuid, ${o.asOf ?? null}::text::timestamptz,
               ${candidatesPerBranch}::int) c
    ), page as materialized (
      select s.scene_id, c.score
        from public.scenes s
        join public.videos v on v.video_id = s.video_id
        join candidates c on c.scene_id = s.scene_id
       where s.scene_id = any(array(select scene_id from candidates))
         ${
    o.after
      ? sql`and (c.score, s.scene_id) < (${o.after.score}::float8, ${o.after.sceneId}::uuid)`
      : sql``
  }
       order by c.score desc, s.scene_id desc
       limit ${o.limit + 1}
    )
    select s.scene_id, s.video_id, m.title as video_title, s.start_s, s.end_s, s.transcript,
           page.score, now()::text as now,
           ts_headline('simple', translate(s.transcript, ${reservedMarks}, ''), asked.query,
             ${headlineOptions}) as marked_transcript,
           ts_headline('simple', translate(
               concat_ws(' · ', m.title, m.description, tags.words, names.words),
               ${reservedMarks}, ''), asked.query, ${headlineOptions}) as marked_metadata
      from page
      cross join asked
      join public.scenes s on s.scene_id = page.scene_id
      join public.videos v on v.video_id = s.video_id
      left join public.video_metadata m on m.video_id = s.video_id
      left join lateral (
        select string_agg(tag, ', ') as words
          from jsonb_array_elements_text(
                 case jsonb_typeof(m.tags) when 'array' then m.tags else '[]' end) tag
      ) tags on true
      -- Cut into words as the index has them: the parser takes "a-b.mp4" for one token.
      cross join lateral (
        select translate(regexp_replace(v.filename, '\\.[A-Za-z0-9]+$', ''), '_-.', '   ') as words
      ) names
     order by page.score desc, page.scene_id desc`;
  return [...rows];
}

const reservedMarks = "\ue000\ue001\ue002";
