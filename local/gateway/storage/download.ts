import type { ObjectRow, StorageContext, StorageHandler } from "./context.ts";
import type { Transaction } from "./database.ts";
import { refuse } from "./errors.ts";
import { requireKey } from "./names.ts";
import { findBucket, requireObject } from "./objects.ts";
import { type ByteRange, readRange } from "./range.ts";

const chunkBytes = 64 * 1024;

type Lookup = (work: (sql: Transaction) => Promise<ObjectRow>) => Promise<ObjectRow>;

/** GET and HEAD /object/{bucket}/{key}: a private bucket answers what policies let the caller see. */
export const downloadObject: StorageHandler = async (context) => {
  const { bucket, caller, database } = context;
  const isPublic = (await findBucket(database, bucket)).public;
  return await send(
    context,
    (work) =>
      isPublic
        ? database.asOwner(work)
        : database.asCaller(caller, "storage.object.get_authenticated", work),
  );
};

/** GET and HEAD /object/public/{bucket}/{key}: only of a public bucket, no key needed. */
export const downloadPublicObject: StorageHandler = async (context) => {
  const { bucket, database } = context;
  if (!(await findBucket(database, bucket)).public) throw refuse.noSuchBucket();
  return await send(context, (work) => database.asOwner(work));
};

/** GET /object/sign/{bucket}/{key}?token=: whoever holds the URL. */
export const downloadSignedObject: StorageHandler = async (context) => {
  const { bucket, key, database, query, signer } = context;
  await signer.verify("download", `${bucket}/${key}`, query.get("token") ?? "");
  return await send(context, (work) => database.asOwner(work));
};

async function send(context: StorageContext, lookup: Lookup): Promise<Response> {
  const { request, query } = context;
  const { row, file } = await openObject(context, lookup);
  try {
    const size = (await file.stat()).size;
    const headers = describe(row, query.get("download"));
    if (isUnchanged(request.headers, row)) return closed(file, 304, headers);
    const range = readRange(request.headers.get("range"), size);
    headers.set("content-length", String(range === null ? size : range.end - range.start + 1));
    if (range !== null) headers.set("content-range", `bytes ${range.start}-${range.end}/${size}`);
    const status = range === null ? 200 : 206;
    if (request.method === "HEAD") return closed(file, status, headers);
    return new Response(await readFrom(file, range, size), { status, headers });
  } catch (error) {
    file.close();
    throw error;
  }
}

// An overwrite may take the file away between the row and its opening: the new row has another.
async function openObject(context: StorageContext, lookup: Lookup) {
  const { bucket, files } = context;
  const key = requireKey(context.key);
  for (let attempt = 0; attempt < 3; attempt++) {
    const row = await lookup((sql) => requireObject(sql, bucket, key));
    const file = await files.open({ bucket, version: row.version });
    if (file !== null) return { row, file };
  }
  throw refuse.noSuchKey();
}

function closed(file: Deno.FsFile, status: number, headers: Headers): Response {
  file.close();
  return new Response(null, { status, headers });
}

function describe(row: ObjectRow, download: string | null): Headers {
  const metadata = row.metadata;
  const headers = new Headers({
    "accept-ranges": "bytes",
    "content-type": metadata?.mimetype ?? "application/octet-stream",
    "cache-control": metadata?.cacheControl ?? "no-cache",
    "etag": metadata?.eTag ?? `"${row.version}"`,
    "last-modified": new Date(metadata?.lastModified ?? row.updated_at).toUTCString(),
    "x-robots-tag": "none",
    "x-content-type-options": "nosniff",
  });
  if (metadata?.contentEncoding) headers.set("content-encoding", metadata.contentEncoding);
  if (download !== null) headers.set("content-disposition", toDisposition(row.name, download));
  return headers;
}

function toDisposition(key: string, download: string): string {
  const name = download === "" ? key.split("/").at(-1) ?? key : download;
  return `attachment; filename*=UTF-8''${encodeURIComponent(name)};`;
}

function isUnchanged(headers: Headers, row: ObjectRow): boolean {
  const known = headers.get("if-none-match");
  const eTag = row.metadata?.eTag;
  return known !== null && eTag !== undefined &&
    known.split(",").some((each) => ["*", eTag, `W/${eTag}`].includes(each.trim()));
}

async function readFrom(
  file: Deno.FsFile,
  range: ByteRange | null,
  size: number,
): Promise<ReadableStream<Uint8Array>> {
  if (range === null) return file.readable;
  await file.seek(range.start, Deno.SeekMode.Start);
  let left = Math.min(range.end + 1, size) - range.start;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = new Uint8Array(Math.min(chunkBytes, left));
        const read = await file.read(chunk);
        if (read !== null) controller.enqueue(chunk.subarray(0, read));
        left -= read ?? left;
      } catch (error) {
        file.close();
        throw error;
      }
      if (left > 0) return;
      controller.close();
      file.close();
    },
    cancel: () => file.close(),
  });
}
