import { z } from "zod";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { cutPage, openPager } from "../../../shared/http/pages.ts";
import type { SearchRequest, SearchResponse } from "./schemas.ts";
import { toHit } from "./hits.ts";
import { findScenes } from "./store.ts";

/** Score and id of the last hit, time of the first page. */
const placeSchema = z.tuple([z.number(), z.string(), z.string()]);

/** One page of the caller's scenes that match, best first. */
export async function findHits(
  { env, database }: Deps,
  verified: VerifiedToken,
  { q: query, limit, cursor, video_id: videoId }: SearchRequest,
): Promise<SearchResponse> {
  const bound = { list: "search", user: verified.user.supabaseUserId, query, videoId };
  const pager = await openPager(env, bound, placeSchema);
  const [score, sceneId, firstPage] = await pager.read(cursor) ?? [];
  const after = score !== undefined && sceneId ? { score, sceneId } : undefined;
  const asked = { query, videoId, limit, after, asOf: firstPage };
  const rows = await database.asUser(verified, (sql) => findScenes(sql, asked));
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.score, last.scene_id, firstPage ?? last.now],
  );
  return { query, search_type: "text", results: page.map(toHit), ...next };
}
