import { AppError } from "../../../shared/errors/app-error.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { EmbedderFailed } from "../../../shared/search/embedders/embedder.ts";
import type { SearchRequest } from "./schemas.ts";
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
 * @param before how the page before was searched; undefined on the first page
 * @throws AppError embedder_unavailable (503) on a later page of a search that had a vector: without
 * it the order is another one, and hits would come twice
 */
export async function chooseVector(
  { embedder, log }: Pick<Deps, "embedder" | "log">,
  { text, weights }: Pick<AskedScenes, "text" | "weights">,
  given: SearchRequest["vector"],
  before: Degradation | null | undefined,
): Promise<ChosenVector> {
  const words = text?.query?.text;
  if (before) return { vector: undefined, degraded: before };
  const isAsked = given === undefined && words !== undefined && weights.vector > 0;
  if (!isAsked || !embedder.isConfigured) return { vector: given, degraded: null };
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
