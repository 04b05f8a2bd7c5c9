import { type Embedder, EmbedderFailed, longestEmbedded } from "./embedder.ts";

const mostRemembered = 200;
const restAfterFailure = 5000;

/**
 * Keeps the embeddings of the last 200 texts, of which the first 2,000 characters count, so that the pages of one search cost one and continue
 * the same order. After three failures in a row the model is left alone for five seconds: while it
 * is away a search must not wait for it each time.
 */
export function rememberEmbeddings(
  embedder: Embedder,
  now: () => number = () => performance.now(),
): Embedder {
  const known = new Map<string, number[]>();
  let failures = 0;
  let restUntil = -Infinity;

  async function ask(text: string): Promise<number[]> {
    if (now() < restUntil) {
      throw new EmbedderFailed("The embedder failed several times and is left alone for a moment");
    }
    try {
      const vector = await embedder.embed(text);
      failures = 0;
      return vector;
    } catch (error) {
      // One caller's text must not keep the model from the others.
      if (!(error instanceof EmbedderFailed && error.isRefusal)) failures += 1;
      if (failures >= 3) restUntil = now() + restAfterFailure;
      throw error;
    }
  }

  return {
    isConfigured: embedder.isConfigured,
    async embed(query) {
      const text = query.slice(0, longestEmbedded).toWellFormed();
      const vector = known.get(text) ?? await ask(text);
      known.delete(text);
      known.set(text, vector);
      const [oldest] = known.keys();
      if (known.size > mostRemembered && oldest !== undefined) known.delete(oldest);
      return vector;
    },
  };
}
