import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { EmbedderFailed } from "../../../shared/search/embedders/embedder.ts";
import type { AskedScenes } from "./store.ts";

/** Why a search that could have looked for vectors did not. */
export const degradations = ["embedder_unavailable", "vectors_unavailable"] as const;

export type Degradation = (typeof degradations)[number];

/** The vector that a search looks for, or why it looks for none. */
export interface ChosenVector {
  vector: AskedScenes["vector"];
  degraded: Degradation | null;
}

/**
 * The caller's vector, or else the embedding of the words that are looked for. No network call is
 * made inside a transaction, so this comes before it.
 *
 * An embedding costs money, so one transaction of its own comes first: it asks whether the session
 * lives and takes from the limit of searches.
 * @param asked.vector the caller's
 * @param before how the page before was searched; undefined on the first page
 * @throws AppError embedder_unavailable (503) on a later page of a search that had a vector: without
 * it the order is another one, and hits would come twice; session_revoked, rate_limited
 */
export async function chooseVector(
  { embedder, database, log }: Pick<Deps, "embedder" | "database" | "log">,
  verified: VerifiedToken,
  { text, weights, vector: given }: Pick<AskedScenes, "text" | "weights" | "vector">,
  before: Degradation | null | undefined,
): Promise<ChosenVector> {
  const words = text?.query?.text;
  if (before) return { vector: undefined, degraded: before };
  const isAsked = given === undefined && words !== undefined && weights.vector > 0;
  if (!isAsked || !embedder.isConfigured) return { vector: given, degraded: null };
  await database.asUser(verified, () => Promise.resolve());
  try {
    return { vector: await embedder.embed(words), degraded: null };
  } catch (error) {
    if (!(error instanceof EmbedderFailed)) throw error;
    log({ level: "warn", event: "embedder_failed", error_message: error.message });
    if (before === undefined) return { vector: undefined, degraded: "embedder_unavailable" };
    throw new AppError(
      "embedder_unavailable",
      "The next page needs the embedding of the query, try again shortly or search anew",
    );
  }
}
