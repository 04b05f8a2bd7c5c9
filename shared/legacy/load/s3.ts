import type { Client } from "minio";
import { LegacyError } from "../errors.ts";

/** Where the objects of the legacy system lie. */
export interface S3Settings {
  /** Origin of the object store, such as `http://minio:9000`. */
  endpoint: string;
  accessKey: string;
  secretKey: string;
  region?: string;
}

/** An object as a listing names it. */
export interface SourceObject {
  key: string;
  /** Bytes. */
  size: number;
  /** The MD5 in hex; with `-` and a number behind it when the object was uploaded in parts. */
  etag: string;
}

/** An open object. */
export interface OpenObject {
  etag: string;
  /** Media type as the object store has it; empty when it has none. */
  contentType: string;
  body: AsyncIterable<Uint8Array<ArrayBuffer>> & { destroy(): void };
}

/** The object store of the legacy system; nothing in it is changed. */
export interface LegacyObjects {
  /**
   * Every object of a bucket in pages of at most 1000, in the order of their keys.
   * @throws LegacyError usage or outage, {@link describeS3Failure}
   */
  list(bucket: string): AsyncGenerator<SourceObject[]>;
  /** One object as it is now; null when it is not there any more. Throws what the client throws. */
  stat(bucket: string, key: string): Promise<SourceObject | null>;
  /** Opens one object; null when it is not there any more. Throws what the client throws. */
  open(bucket: string, key: string): Promise<OpenObject | null>;
}

const pageSize = 1000;

/** Tries of one request, or of one object, before the object store counts as away. */
export const maxAttempts = 5;

/** Waits before the next try: doubling from half a second, up to a half of it left to chance. */
export function pause(attempt: number): Promise<void> {
  const milliseconds = 500 * 2 ** (attempt - 1) * (1 - Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * The object store at an S3 endpoint. Nothing connects before the first call.
 * @throws LegacyError usage when the endpoint is no http(s) origin
 */
export function openLegacyObjects(settings: S3Settings): LegacyObjects {
  const url = readEndpoint(settings.endpoint);
  let loading: Promise<Client> | undefined;
  const connect = () => loading ??= loadClient(url, settings);
  return {
    async *list(bucket) {
      let last = "";
      for (let attempt = 1;; attempt++) {
        try {
          for await (const page of readPages(await connect(), bucket, last)) {
            yield page;
            last = page.at(-1)?.key ?? last;
            attempt = 1;
          }
          return;
        } catch (error) {
          if (attempt < maxAttempts && isTransient(error) && !isRefusedConnection(error)) {
            await pause(attempt);
            continue;
          }
          throw describeS3Failure(error, settings, bucket) ?? error;
        }
      }
    },

    async stat(bucket, key) {
      try {
        const { size, etag } = await (await connect()).statObject(bucket, key);
        return { key, size, etag: unquote(etag) };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },

    async open(bucket, key) {
      try {
        const stream = await (await connect()).getObject(bucket, key);
        const headers: unknown = Reflect.get(stream, "headers");
        return {
          etag: unquote(readHeader(headers, "etag")),
          contentType: readHeader(headers, "content-type"),
          body: stream,
        };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
  };
}

async function* readPages(
  client: Client,
  bucket: string,
  after: string,
): AsyncGenerator<SourceObject[]> {
  let page: SourceObject[] = [];
  for await (const item of client.listObjectsV2(bucket, "", true, after)) {
    if (!item.name) continue;
    page.push({ key: item.name, size: item.size, etag: unquote(item.etag) });
    if (page.length < pageSize) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function readEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.username === "") {
    return url;
  }
  throw new LegacyError(
    "usage",
    "LEGACY_S3_ENDPOINT is no origin such as https://minio.example.com:9000. Nothing was changed",
  );
}

/** Loaded at the first use: no other command needs it. */
async function loadClient(url: URL, { accessKey, secretKey, region }: S3Settings): Promise<Client> {
  const { Client } = await import("minio");
  return new Client({
    endPoint: url.hostname,
    useSSL: url.protocol === "https:",
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    accessKey,
    secretKey,
    // Its own retries write to the console and leave no code in the error.
    retryOptions: { disableRetry: true },
    // A region that is known saves the question, which not every key may ask.
    region: region ?? "us-east-1",
  });
}

function isMissing(error: unknown): boolean {
  return ["NoSuchKey", "NotFound"].includes(codeOf(error));
}

const wrongKeys = new Set(["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"]);

/**
 * A failure that concerns the whole object store, as a sentence: keys that are refused, a bucket
 * that is not there, or no answer. Undefined for any other.
 */
export function describeS3Failure(
  error: unknown,
  { endpoint }: Pick<S3Settings, "endpoint">,
  bucket: string,
): LegacyError | undefined {
  const code = codeOf(error);
  const where = `the object store at ${new URL(endpoint).origin}`;
  if (wrongKeys.has(code)) {
    return new LegacyError(
      "usage",
      `${toSentence(where)} refuses the keys for bucket "${bucket}" (${code}): check ` +
        "LEGACY_S3_ACCESS_KEY and LEGACY_S3_SECRET_KEY",
      { cause: error },
    );
  }
  if (code === "NoSuchBucket" || code === "InvalidBucketName") {
    return new LegacyError(
      "usage",
      `${toSentence(where)} has no bucket "${bucket}": name those it has with --bucket old=new`,
      { cause: error },
    );
  }
  if (!isTransient(error)) return undefined;
  return new LegacyError(
    "outage",
    `${toSentence(where)} does not answer (${code || "no answer"}): check LEGACY_S3_ENDPOINT and ` +
      "run the same command again, it goes on where it stopped",
    { cause: error },
  );
}

const transientCodes =
  /^(ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOST|ENET|SlowDown|ServiceUnavailable|InternalError|RequestTimeout|XMinioServerNotInitialized|UND_ERR|ERR_STREAM_PREMATURE_CLOSE)/;

/** Whether another try may succeed: the object store was away, busy, or broke off. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return transientCodes.test(codeOf(error)) || error.message === "aborted" ||
    /socket hang up|connection (reset|closed|refused)|Retryable HTTP status/i.test(error.message);
}

/** Nobody listens there: a wrong endpoint is told at once. */
function isRefusedConnection(error: unknown): boolean {
  return ["ECONNREFUSED", "ENOTFOUND"].includes(codeOf(error));
}

/** The code of a failure, of S3 or of the system; empty when it has none. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : "";
}

function readHeader(headers: unknown, name: string): string {
  const value: unknown = typeof headers === "object" && headers !== null
    ? Reflect.get(headers, name)
    : undefined;
  return typeof value === "string" ? value : "";
}

function unquote(etag: string): string {
  return etag.replaceAll('"', "").toLowerCase();
}

function toSentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
