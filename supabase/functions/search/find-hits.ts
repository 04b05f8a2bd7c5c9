import { z } from "zod";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { requireSetting } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { hashQuery, readCursor, signCursor } from "../../../shared/http/cursor.ts";
import type { Deps } from "../../../shared/http/deps.ts";
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
  const key = requireSetting(env, "cursorKey");
  const user = verified.user.supabaseUserId;
  const hash = await hashQuery({ list: "search", user, query, videoId });
  const place = cursor === undefined ? undefined : await readPlace(key, hash, cursor);
  const after = place && { score: place[0], sceneId: place[1] };
  const asked = { query, videoId, limit, after, asOf: place?.[2] };
  const rows = await database.asUser(verified, (sql) => findScenes(sql, asked));
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit;
  return {
    query,
    search_type: "text",
    results: page.map(toHit),
    next_cursor: hasMore && last
      ? await signCursor(key, hash, [last.score, last.scene_id, place?.[2] ?? last.now])
      : null,
    has_more: hasMore,
  };
}

async function readPlace(key: string, hash: string, cursor: string) {
  const parsed = placeSchema.safeParse(await readCursor(key, hash, cursor));
  if (parsed.success) return parsed.data;
  throw new AppError("invalid_cursor", "The cursor is of an older kind, ask for the first page");
}
