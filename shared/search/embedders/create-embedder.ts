import type { Env } from "../../env.ts";
import { type Embedder, EmbedderFailed } from "./embedder.ts";
import { createHttpEmbedder } from "./http-embedder.ts";
import { createSessionEmbedder, readSessionModel } from "./session-embedder.ts";
import { rememberEmbeddings } from "./remember.ts";

/**
 * The embedder of a deployment by HEIMDEX_EMBEDDER_URL: none when it is not set, a model inside
 * Supabase's edge runtime for `supabase-ai:<model>`, else an OpenAI-compatible endpoint.
 */
export function createEmbedder(
  { embedderUrl, embedderKey, embedderModel }: Pick<
    Env,
    "embedderUrl" | "embedderKey" | "embedderModel"
  >,
): Embedder {
  if (embedderUrl === undefined) return noEmbedder;
  const model = readSessionModel(embedderUrl);
  return rememberEmbeddings(
    model === undefined
      ? createHttpEmbedder({ url: embedderUrl, key: embedderKey, model: embedderModel })
      : createSessionEmbedder(model),
  );
}

const noEmbedder: Embedder = {
  isConfigured: false,
  embed: () => Promise.reject(new EmbedderFailed("HEIMDEX_EMBEDDER_URL is not set")),
};
