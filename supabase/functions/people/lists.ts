import * as z from "zod";
import { later } from "../../../shared/later.ts";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { cutPage, type NextPage, openPager } from "../../../shared/http/pages.ts";
import { signThumbnails } from "../../../shared/storage/sign-thumbnails.ts";
import type { Person, personListQuerySchema, PersonScene } from "./schemas.ts";
import { listPeople, listPersonScenes, toPerson, toPersonScene } from "./store.ts";

/**
 * Creation time and id of the last person. Newest first, so what comes after the first page stands
 * before every place.
 */
const placeSchema = later(() => z.tuple([z.string(), z.string()]));

/** Confidence and id of the last scene, time of the first page. */
const scenePlaceSchema = later(() => z.tuple([z.number(), z.string(), z.string()]));

/** A page of the caller's people, newest first. */
export async function readPeoplePage(
  { env, database }: Deps,
  verified: VerifiedToken,
  { limit, cursor, count, q }: z.infer<typeof personListQuerySchema>,
): Promise<NextPage & { people: Person[]; total?: number }> {
  const bound = { list: "people", user: verified.user.supabaseUserId, q };
  const pager = openPager(env, bound, placeSchema);
  const [createdAt, personId] = await pager.read(cursor) ?? [];
  const after = createdAt && personId ? { createdAt, personId } : undefined;
  const asked = { limit, after, prefix: q, count: count === "exact" };
  const { rows, total } = await database.asUser(verified, (sql) => listPeople(sql, asked));
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.position, last.person_id],
  );
  return { people: page.map(toPerson), ...next, ...(total === undefined ? {} : { total }) };
}

/** A page of the scenes in which a person of the caller appears, the surest first. */
export async function readPersonScenePage(
  { env, database, objects }: Deps,
  verified: VerifiedToken,
  { personId, limit, cursor }: { personId: string; limit: number; cursor?: string | undefined },
): Promise<NextPage & { scenes: PersonScene[] }> {
  const bound = { list: "person-scenes", user: verified.user.supabaseUserId, personId };
  const pager = openPager(env, bound, scenePlaceSchema);
  const [confidence, sceneId, firstPage] = await pager.read(cursor) ?? [];
  const after = confidence !== undefined && sceneId ? { confidence, sceneId } : undefined;
  const asked = { personId, limit, after, asOf: firstPage };
  const { rows, now } = await database.asUser(verified, (sql) => listPersonScenes(sql, asked));
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.confidence, last.scene_id, firstPage ?? now],
  );
  const urls = await signThumbnails(objects, page);
  return { scenes: page.map((row) => toPersonScene(row, urls)), ...next };
}
