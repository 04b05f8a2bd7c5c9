import * as z from "zod";
import { later } from "../../../shared/later.ts";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { cutPage, openPager } from "../../../shared/http/pages.ts";
import { defaultWeights } from "../../../shared/search/rank-fusion.ts";
import { parseQuery } from "../../../shared/search/text-query.ts";
import { chooseVector, type ChosenVector, degradations } from "./choose-vector.ts";
import { toHit } from "./hits.ts";
import type { SearchRequest, SearchResponse } from "./schemas.ts";
import { type AskedScenes, findScenes, type HitRow } from "./store.ts";

/** Score and id of the last hit, time of the first page, and why that page had no vector. */
const placeSchema = later(() =>
  z.tuple([z.number(), z.string(), z.string(), z.enum(degradations).nullable()])
);

/** One page of the caller's scenes that match, best first. */
export async function findHits(
  deps: Deps,
  verified: VerifiedToken,
  { limit, cursor, explain, ...request }: SearchRequest,
): Promise<SearchResponse> {
  const bound = { list: "search", user: verified.user.supabaseUserId, ...request };
  const pager = openPager(deps.env, bound, placeSchema);
  const [score, hitId, firstPage, before] = await pager.read(cursor) ?? [];
  const after = score !== undefined && hitId ? { score, hitId } : undefined;
  const asked = { ...toAsked(request), limit, after, asOf: firstPage };
  const given = { ...asked, vector: request.vector };
  const chosen = await chooseVector(deps, verified, given, before);
  const { rows, vector, degraded } = await findRows(deps, verified, { ...asked, ...chosen });
  const { rows: page, ...next } = await cutPage(
    rows,
    limit,
    pager,
    (last) => [last.score, last.hit_id, firstPage ?? last.now, degraded],
  );
  return {
    query: request.q ?? null,
    search_type: toSearchType(asked.text, vector),
    ...(degraded ? { degraded } : {}),
    results: page.map((row) => toHit(row, { text: asked.text, explain })),
    ...next,
  };
}

/** Without pgvector a search by text goes on; one by vector alone has nothing to go by. */
async function findRows(
  { database }: Deps,
  verified: VerifiedToken,
  asked: AskedScenes & ChosenVector,
): Promise<ChosenVector & { rows: HitRow[] }> {
  const find = (one: AskedScenes) => database.asUser(verified, (sql) => findScenes(sql, one));
  const { vector, degraded } = asked;
  try {
    return { rows: await find(asked), vector, degraded };
  } catch (error) {
    const isOff = error instanceof AppError && error.code === "feature_disabled";
    if (!isOff || !asked.text?.query) throw error;
    const rows = await find({ ...asked, vector: undefined });
    return { rows, vector: undefined, degraded: "vectors_unavailable" };
  }
}

type Asked = Pick<AskedScenes, "text" | "filters" | "weights">;

function toAsked(
  { q, vector: _vector, weights, person_id: people, ...filters }: Omit<
    SearchRequest,
    "limit" | "cursor" | "explain"
  >,
): Asked {
  const chosen = Object.entries(weights ?? {}).filter(([, weight]) => weight !== undefined);
  return {
    text: q === undefined ? undefined : parseQuery(q),
    filters: { ...filters, person_ids: people },
    weights: { ...defaultWeights, ...Object.fromEntries(chosen) },
  };
}

function toSearchType(
  text: AskedScenes["text"],
  vector: AskedScenes["vector"],
): SearchResponse["search_type"] {
  if (vector === undefined) return "text";
  return text?.query ? "hybrid" : "vector";
}
