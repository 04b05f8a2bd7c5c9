import * as z from "zod";
import { later } from "../../later.ts";
import { parseJson } from "../../json.ts";
import { vectorDimensions } from "../rank-fusion.ts";
import { checkEmbedding, type Embedder, EmbedderFailed, embedderTimeout } from "./embedder.ts";

/** Largest answer that is read: 1152 numbers are about 25 kB. */
const maxAnswerBytes = 1024 * 1024;

const answerSchema = later(() =>
  z.object({ data: z.tuple([z.object({ embedding: z.array(z.number()) })]) })
);

export interface HttpEmbedderOptions {
  /** Full address of the endpoint, such as https://api.test/v1/embeddings. */
  url: string;
  /** Sent as bearer token. */
  key: string | undefined;
  model: string | undefined;
  /** Milliseconds. */
  timeout?: number;
}

/**
 * A model behind the embeddings endpoint of OpenAI's API, which vLLM, TEI, Ollama and others have
 * too. Asks for 1152 dimensions; a server that refuses to be asked (400 or 422, models of one size)
 * and answers without is asked without from then on.
 */
export function createHttpEmbedder(o: HttpEmbedderOptions): Embedder {
  const { timeout = embedderTimeout } = o;
  let sendsDimensions = true;

  async function ask(input: string, signal: AbortSignal): Promise<Response> {
    const asksSize = sendsDimensions;
    const response = await send(input, asksSize, signal);
    if (response.ok) return response;
    await response.body?.cancel();
    if (!asksSize || !(response.status === 400 || response.status === 422)) throw toError(response);
    const second = await send(input, false, signal);
    if (!second.ok) {
      await second.body?.cancel();
      throw toError(second);
    }
    // Only now it was the size, and not the text, that the server refused.
    sendsDimensions = false;
    return second;
  }

  function send(input: string, asksSize: boolean, signal: AbortSignal): Promise<Response> {
    return fetch(o.url, {
      method: "POST",
      signal,
      // A redirect would carry the query, and on one host the key, to where nobody configured.
      redirect: "error",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(o.key === undefined ? {} : { authorization: `Bearer ${o.key}` }),
      },
      body: JSON.stringify({
        input,
        ...(o.model === undefined ? {} : { model: o.model }),
        encoding_format: "float",
        ...(asksSize ? { dimensions: vectorDimensions } : {}),
      }),
    });
  }

  return {
    isConfigured: true,
    async embed(text) {
      const signal = AbortSignal.timeout(timeout);
      try {
        const answer = answerSchema.safeParse(parseJson(await readText(await ask(text, signal))));
        if (!answer.success) throw new EmbedderFailed("The embedder answered something else");
        return checkEmbedding(answer.data.data[0].embedding);
      } catch (error) {
        throw error instanceof EmbedderFailed ? error : toFailure(signal, timeout);
      }
    },
  };
}

function toError({ status }: Response): EmbedderFailed {
  const isRefusal = status === 400 || status === 413 || status === 422;
  return new EmbedderFailed(`The embedder answered ${status}`, { isRefusal });
}

/** Says nothing of the cause: the text of a network error names the address, and keys stand in some. */
function toFailure(signal: AbortSignal, timeout: number): EmbedderFailed {
  return new EmbedderFailed(
    signal.aborted
      ? `The embedder did not answer within ${timeout} ms`
      : "The embedder cannot be reached",
  );
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) throw new EmbedderFailed("The answer of the embedder is too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
