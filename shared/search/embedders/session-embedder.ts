import { checkEmbedding, type Embedder, EmbedderFailed, embedderTimeout } from "./embedder.ts";

/** The model a HEIMDEX_EMBEDDER_URL such as `supabase-ai:gte-small` names; undefined for others. */
export function readSessionModel(url: string): string | undefined {
  return /^supabase-ai:([\w.-]+)$/.exec(url)?.[1];
}

interface Session {
  run(input: string, options: { mean_pool: boolean; normalize: boolean }): Promise<unknown>;
}

/**
 * A model that Supabase's edge runtime runs itself (`Supabase.ai.Session`). Its vectors are shorter
 * than ours (gte-small: 384) and are filled up with zeros; whoever writes the vectors of scenes has
 * to use the same model and fill them up likewise. On other runtimes every call fails.
 */
export function createSessionEmbedder(model: string, timeout = embedderTimeout): Embedder {
  let opened: Session | undefined;
  return {
    isConfigured: true,
    async embed(text) {
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => reject(new EmbedderFailed(`The embedder did not answer within ${timeout} ms`)),
        timeout,
      );
      try {
        const session = opened ??= openSession(model);
        const answer = session.run(text, { mean_pool: true, normalize: true });
        return checkEmbedding(await Promise.race([answer, late]), { pads: true });
      } catch (error) {
        if (error instanceof EmbedderFailed) throw error;
        throw new EmbedderFailed(`The model "${model}" of the edge runtime failed`);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function openSession(model: string): Session {
  const supabase: unknown = Reflect.get(globalThis, "Supabase");
  if (!hasSessions(supabase)) {
    throw new EmbedderFailed("Supabase.ai.Session is only in Supabase's edge runtime");
  }
  return new supabase.ai.Session(model);
}

function hasSessions(
  value: unknown,
): value is { ai: { Session: new (model: string) => Session } } {
  return typeof value === "object" && value !== null && "ai" in value &&
    typeof value.ai === "object" && value.ai !== null && "Session" in value.ai &&
    typeof value.ai.Session === "function";
}
