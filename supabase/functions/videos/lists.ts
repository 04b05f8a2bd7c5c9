import * as z from "zod";
import { later } from "../../../shared/later.ts";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { cutPage, type NextPage, openPager } from "../../../shared/http/pages.ts";
import type { listVideosQuerySchema, Scene, Video } from "./schemas.ts";
import { listScenes, listVideos } from "./store.ts";
import { signThumbnails } from "../../../shared/storage/sign-thumbnails.ts";
import { toScene, toVideo } from "./videos.ts";

/** Creation time and id of the last video, time of the first page. */
const videoPlaceSchema = later(() => z.tuple([z.string(), z.string(), z.string()]));

/** Start and id of the last scene, time of the first page. */
const scenePlaceSchema = later(() => z.tuple([z.number(), z.string(), z.string()]));

/** A page of the caller's videos, newest first; rows younger than the first page are left out. */
export async function readVideoPage(
  { env, database, objects }: Deps,
  verified: VerifiedToken,
  { limit, cursor, count, ...filters }: z.infer<typeof listVideosQuerySchema>,
): Promise<NextPage & { videos: Video[]; total?: number }> {
  const bound = { list: "videos", user: verified.user.supabaseUserId, ...filters };
  const pager = openPager(env, bound, videoPlaceSchema);
  const [createdAt, videoId, firstPage] = await pager.read(cursor) ?? [];
  const after = createdAt && videoId ? { createdAt, videoId } : undefined;
  const asked = { limit, ...filters, after, asOf: firstPage, count: count === "exact" };
  const { rows, total } = await database.asUser(verified, (sql) => listVideos(sql, asked));
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.position_time, last.video_id, firstPage ?? last.now],
  );
  const urls = await signThumbnails(objects, page);
  const videos = page.map((row) => toVideo(row, urls));
  return { videos, ...next, ...(total === undefined ? {} : { total }) };
}

/** A page of a video's scenes in playing order. */
export async function readScenePage(
  { env, database, objects }: Deps,
  verified: VerifiedToken,
  { videoId, limit, cursor }: { videoId: string; limit: number; cursor?: string | undefined },
): Promise<NextPage & { scenes: Scene[] }> {
  const bound = { list: "scenes", user: verified.user.supabaseUserId, videoId };
  const pager = openPager(env, bound, scenePlaceSchema);
  const [startS, sceneId, firstPage] = await pager.read(cursor) ?? [];
  const after = startS !== undefined && sceneId ? { startS, sceneId } : undefined;
  const asked = { videoId, limit, after, asOf: firstPage };
  const { rows, asOf } = await database.asUser(verified, (sql) => listScenes(sql, asked));
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.start_s, last.scene_id, asOf],
  );
  const urls = await signThumbnails(objects, page);
  return { scenes: page.map((row) => toScene(videoId, row, urls)), ...next };
}
