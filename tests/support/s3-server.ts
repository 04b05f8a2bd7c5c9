import { chmod, mkdtemp, rm } from "node:fs/promises";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "minio";
import { signV4 } from "minio/dist/esm/signing.mjs";
import S3rver from "s3rver";
import Account from "s3rver/lib/models/account.js";

/** A request before the server handles it; a test may wait, change something or refuse there. */
export interface S3Request {
  method: string;
  /** `/bucket/key`, decoded, without the query. */
  path: string;
}

export interface S3ServerOptions {
  buckets: string[];
  /** Called before each request is handled; a rejection breaks the connection. */
  onRequest?: (request: S3Request) => void | Promise<void>;
}

/** The stand-in for MinIO: the S3 protocol over loopback, objects in a temporary folder. */
export interface S3Server {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  region: string;
  /** The settings `heimdex legacy load` takes. */
  environment: Record<string, string>;
  /** Signed with the server's keys. */
  client: Client;
  /** Stores one object as the legacy application did. */
  put(
    bucket: string,
    key: string,
    body: Uint8Array | string,
    contentType?: string,
  ): Promise<void>;
  /** Ends the server at once, requests under way with it, and removes its objects. */
  stop(): Promise<void>;
}

const region = "us-east-1";

/** Starts an S3 server on a free port, with these buckets and a pair of keys of its own. */
export async function startS3Server({ buckets, onRequest }: S3ServerOptions): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), "heimdex-s3-"));
  await chmod(directory, 0o700);
  const [accessKey, secretKey] = [crypto.randomUUID(), crypto.randomUUID()];
  Account.DUMMY_ACCOUNT.createKeyPair(accessKey, secretKey);
  const app = new S3rver({
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: buckets.map((name) => ({ name })),
  });
  await app.configureBuckets();
  const handle: RequestListener = app.getMiddleware();
  const list: ListObjects = (bucket, options) => app.store.listObjects(bucket, options);
  const server = createServer((request, response) => {
    void guard(request, response, { accessKey, secretKey, onRequest, handle, list });
  });
  const port = await listen(server);
  const client = new Client({
    endPoint: "127.0.0.1",
    port,
    useSSL: false,
    accessKey,
    secretKey,
    region,
    // s3rver knows no list of uploads under way, for which the client asks before it sends parts.
    partSize: 1024 ** 3,
  });
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    accessKey,
    secretKey,
    region,
    environment: {
      LEGACY_S3_ENDPOINT: endpoint,
      LEGACY_S3_ACCESS_KEY: accessKey,
      LEGACY_S3_SECRET_KEY: secretKey,
      LEGACY_S3_REGION: region,
    },
    client,
    put: async (bucket, key, body, contentType = "application/octet-stream") => {
      const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
      await client.putObject(bucket, key, bytes, bytes.length, { "Content-Type": contentType });
    },
    stop: once(async () => {
      Account.DUMMY_ACCOUNT.revokeAccessKey(accessKey);
      await endServer(server);
      await rm(directory, { recursive: true, force: true });
    }),
  };
}

interface Guard extends Pick<S3Server, "accessKey" | "secretKey"> {
  onRequest: S3ServerOptions["onRequest"];
  handle: RequestListener;
  list: ListObjects;
}

/** s3rver leaves signatures of version 4 and requests without any unchecked: here they are. */
async function guard(
  request: IncomingMessage,
  response: ServerResponse,
  { accessKey, secretKey, onRequest, handle, list }: Guard,
): Promise<void> {
  const { method = "", url = "" } = request;
  try {
    await onRequest?.({ method, path: decodeURIComponent(url.split("?")[0] ?? "") });
  } catch {
    response.destroy();
    return;
  }
  const refusal = judge(request, accessKey, secretKey);
  if (refusal === undefined) {
    const page = method === "GET" ? await listPage(new URL(url, "http://s3"), list) : undefined;
    if (page === undefined) return void handle(request, response);
    response.writeHead(200, { "content-type": "application/xml" });
    return void response.end(page);
  }
  response.writeHead(403, { "content-type": "application/xml" });
  response.end(`<Error><Code>${refusal}</Code><Message>${refusal}</Message></Error>`);
}

type ListObjects = (
  bucket: string,
  options: { prefix: string; startAfter: string; maxKeys: number },
) => Promise<{
  objects: {
    key: string;
    size: number;
    lastModifiedDate: Date;
    metadata: Record<string, string>;
  }[];
  isTruncated: boolean;
}>;

/**
 * A page of ListObjectsV2. s3rver encrypts where the next page begins with a cipher that Deno lacks,
 * and does not encode keys as it is asked to.
 */
async function listPage(
  { pathname, searchParams: query }: URL,
  list: ListObjects,
): Promise<string | undefined> {
  const bucket = /^\/([^/]+)\/?$/.exec(pathname)?.[1];
  if (bucket === undefined || query.get("list-type") !== "2") return undefined;
  const token = query.get("continuation-token");
  const page = await list(bucket, {
    prefix: query.get("prefix") ?? "",
    startAfter: token ? decodeURIComponent(atob(token)) : query.get("start-after") ?? "",
    maxKeys: Math.min(1000, Number(query.get("max-keys") || 1000)),
  }).catch(() => undefined);
  // A bucket that is not there is refused by s3rver itself.
  if (!page) return undefined;
  const last = encodeURIComponent(page.objects.at(-1)?.key ?? "");
  const contents = page.objects.map(({ key, size, lastModifiedDate, metadata }) =>
    `<Contents><Key>${encodeURIComponent(key).replaceAll("%2F", "/")}</Key>` +
    `<LastModified>${lastModifiedDate.toISOString()}</LastModified>` +
    `<ETag>${metadata.etag?.replaceAll('"', "&quot;")}</ETag><Size>${size}</Size></Contents>`
  );
  const next = page.isTruncated
    ? `<NextContinuationToken>${btoa(last)}</NextContinuationToken>`
    : "";
  return `<ListBucketResult><Name>${bucket}</Name><EncodingType>url</EncodingType>` +
    `<IsTruncated>${page.isTruncated}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`;
}

function judge(
  { method = "", url = "", headers }: IncomingMessage,
  accessKey: string,
  secretKey: string,
): string | undefined {
  const given = headers.authorization ?? "";
  const [, key, names] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/.+, SignedHeaders=(.+), Signature=/.exec(given) ?? [];
  if (key === undefined || names === undefined) return "AccessDenied";
  if (key !== accessKey) return "InvalidAccessKeyId";
  const signed = pick(headers, names.split(";"));
  const request = { protocol: "http:", method, path: url, headers: signed };
  const time = String(headers["x-amz-date"]).replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
    "$1-$2-$3T$4:$5:$6Z",
  );
  const digest = String(headers["x-amz-content-sha256"]);
  const expected = signV4(request, accessKey, secretKey, region, new Date(time), digest);
  return expected === given ? undefined : "SignatureDoesNotMatch";
}

function pick(headers: IncomingHttpHeaders, names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]));
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function endServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

function once(fn: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => running ??= fn();
}
