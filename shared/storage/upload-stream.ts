import type { Env } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { parseJson } from "../json.ts";

/** One object on its way into Storage, its bytes not held in memory. */
export interface StreamedUpload {
  bucket: string;
  key: string;
  /** Read once, as fast as Storage takes it. What it throws cancels the upload. */
  body: AsyncIterable<Uint8Array<ArrayBuffer>>;
  contentType: string;
  /** Milliseconds without a byte going out, or without the answer, that count as an outage. */
  idleMs?: number;
}

/** Storage will not take this object, now or later: its type, its size, its key, or the bucket. */
export class UploadRefusedError extends Error {
  override name = "UploadRefusedError";

  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

/** Long enough for Storage to put the parts of a gigabyte together. */
const defaultIdleMs = 120_000;

/**
 * Stores one object through the Storage API with the secret key, over one that stands there. Until
 * the whole body has arrived nothing is stored, so that an upload which breaks leaves no half object.
 * @throws UploadRefusedError; AppError storage_unavailable (503); whatever `body` throws
 */
export async function uploadStream(
  env: Pick<Env, "supabaseUrl" | "secretKey">,
  { bucket, key, body, contentType, idleMs = defaultIdleMs }: StreamedUpload,
): Promise<void> {
  const watch = watchIdle(idleMs);
  const sent = watchBody(body, watch.touch);
  try {
    const response = await fetch(objectUrl(env, bucket, key), {
      method: "POST",
      headers: {
        apikey: env.secretKey,
        authorization: `Bearer ${env.secretKey}`,
        "content-type": contentType,
        "x-upsert": "true",
      },
      body: ReadableStream.from(sent.body),
      signal: watch.signal,
    });
    const answer = await response.text();
    if (!response.ok) throw toRefusal(response, answer);
  } catch (error) {
    if (sent.failure) throw sent.failure.error;
    if (error instanceof UploadRefusedError || error instanceof AppError) throw error;
    throw new AppError("storage_unavailable", undefined, { cause: error });
  } finally {
    watch.stop();
  }
}

function objectUrl({ supabaseUrl }: Pick<Env, "supabaseUrl">, bucket: string, key: string): string {
  const path = [bucket, ...key.split("/")].map(encodeURIComponent).join("/");
  return `${supabaseUrl}/storage/v1/object/${path}`;
}

interface WatchedBody {
  body: StreamedUpload["body"];
  failure?: { error: unknown };
}

/** `fetch` says of a broken body only that it broke, so what broke it is kept aside. */
function watchBody(body: StreamedUpload["body"], touch: () => void): WatchedBody {
  const watched: WatchedBody = { body };
  async function* read() {
    try {
      for await (const chunk of body) {
        touch();
        yield chunk;
      }
    } catch (error) {
      watched.failure = { error };
      throw error;
    }
  }
  return Object.assign(watched, { body: read() });
}

function watchIdle(idleMs: number) {
  const controller = new AbortController();
  const abort = () => controller.abort(new DOMException("No byte went out", "TimeoutError"));
  let timer = setTimeout(abort, idleMs);
  return {
    signal: controller.signal,
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(abort, idleMs);
    },
    stop: () => clearTimeout(timer),
  };
}

// Storage answers many errors as HTTP 400 and puts the real status into the body.
function toRefusal(response: Response, answer: string): Error {
  const body = parseJson(answer);
  const status = Number(readText(body, "statusCode")) || response.status;
  const message = readText(body, "message") ?? `HTTP ${response.status}`;
  if ([response.status, status].some((each) => each === 429 || each === 408 || each >= 500)) {
    return new AppError("storage_unavailable", undefined, { cause: new Error(message) });
  }
  const code = readText(body, "code") ?? readText(body, "error") ?? `status_${status}`;
  return new UploadRefusedError(status, code, message);
}

function readText(body: unknown, name: string): string | undefined {
  const value: unknown = typeof body === "object" && body !== null
    ? Reflect.get(body, name)
    : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}
