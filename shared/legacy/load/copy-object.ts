import { createHash } from "node:crypto";
import type postgres from "postgres";
import type { Env } from "../../env.ts";
import { photoExtensions, videoExtensions } from "../../storage/keys.ts";
import { uploadStream } from "../../storage/upload-stream.ts";
import { fetchWithin } from "../../http/supabase-client.ts";
import type { LegacyObjects, SourceObject } from "./s3.ts";

/** The bytes that came were not those the listing told of. */
export class ObjectChangedError extends Error {
  override name = "ObjectChangedError";
}

/** Storage holds other bytes than were sent. */
export class StoredOtherwiseError extends Error {
  override name = "StoredOtherwiseError";
}

/** From where to where one object is copied. */
export interface ObjectCopy {
  /** The bucket in the legacy object store. */
  from: string;
  /** The bucket in Storage. */
  to: string;
  object: SourceObject;
}

interface CopyParts {
  sql: postgres.Sql;
  env: Pick<Env, "supabaseUrl" | "secretKey">;
  objects: LegacyObjects;
  onBytes(bytes: number): void;
}

/**
 * Streams one object from the legacy object store into Storage. Size and MD5 are compared before the
 * last byte goes out, so that a wrong object is never stored, and again with what Storage has.
 * @returns the MD5 in hex, or null when the object is not there any more
 * @throws ObjectChangedError, StoredOtherwiseError, and what the object store or Storage throws
 */
export async function copyObject(
  { sql, env, objects, onBytes }: CopyParts,
  { from, to, object }: ObjectCopy,
): Promise<string | null> {
  const opened = await objects.open(from, object.key);
  if (!opened) return null;
  const hash = createHash("md5");
  const body = compareBytes(opened.body, { object, etag: opened.etag, hash, onBytes });
  try {
    await uploadStream(env, {
      bucket: to,
      key: object.key,
      body: body.chunks,
      contentType: toContentType(object.key, opened.contentType),
    });
  } finally {
    opened.body.destroy();
  }
  const md5 = body.digest();
  await assertStored({ sql, env }, { bucket: to, key: object.key, size: object.size, md5 });
  return md5;
}

interface Comparison {
  object: SourceObject;
  /** As the object was opened. */
  etag: string;
  hash: ReturnType<typeof createHash>;
  onBytes(bytes: number): void;
}

function compareBytes(
  source: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { object, etag, hash, onBytes }: Comparison,
) {
  let digest = "";
  async function* read() {
    if (etag !== "" && etag !== object.etag) throw changed(object);
    let size = 0;
    for await (const chunk of source) {
      size += chunk.byteLength;
      if (size > object.size) throw changed(object);
      hash.update(chunk);
      onBytes(chunk.byteLength);
      yield chunk;
    }
    digest = hash.digest("hex");
    if (size !== object.size || (isMd5(object.etag) && digest !== object.etag)) {
      throw changed(object);
    }
  }
  return { chunks: read(), digest: () => digest };
}

function changed({ key }: SourceObject): ObjectChangedError {
  return new ObjectChangedError(`Object "${key}" changed while it was copied`);
}

/** Of an object uploaded in parts the tag is no MD5 of its bytes. */
export function isMd5(etag: string): boolean {
  return /^[0-9a-f]{32}$/.test(etag);
}

async function assertStored(
  { sql, env }: Pick<CopyParts, "sql" | "env">,
  { bucket, key, size, md5 }: { bucket: string; key: string; size: number; md5: string },
): Promise<void> {
  const [stored] = await sql<{ size: string | null; etag: string | null }[]>`
    select metadata ->> 'size' as size, btrim(metadata ->> 'eTag', '"') as etag
    from storage.objects where bucket_id = ${bucket} and name = ${key}`;
  const right = stored !== undefined && Number(stored.size) === size && (
    isMd5(stored.etag ?? "") ? stored.etag === md5 : await readMd5(env, bucket, key) === md5
  );
  if (!right) {
    throw new StoredOtherwiseError(`Storage has other bytes of "${key}" than were sent`);
  }
}

const readBackMs = 600_000;

/** Storage too may have put the object together from parts; then it is read back. */
async function readMd5(
  env: Pick<Env, "supabaseUrl" | "secretKey">,
  bucket: string,
  key: string,
): Promise<string> {
  const path = [bucket, ...key.split("/")].map(encodeURIComponent).join("/");
  const response = await fetchWithin(readBackMs)(
    `${env.supabaseUrl}/storage/v1/object/authenticated/${path}`,
    { headers: { apikey: env.secretKey, authorization: `Bearer ${env.secretKey}` } },
  );
  const hash = createHash("md5");
  if (!response.ok) return "";
  for await (const chunk of response.body ?? []) hash.update(chunk);
  return hash.digest("hex");
}

const byExtension = new Map<string, string>([
  ...Object.entries({ ...videoExtensions, ...photoExtensions }).map(([type, extension]) =>
    [extension, type] as const
  ),
  ["jpeg", "image/jpeg"],
  ["json", "application/json"],
]);

// The buckets take certain types only, and the client of the legacy system named none unless told to.
function toContentType(key: string, given: string): string {
  const type = (given.split(";")[0] ?? "").trim().toLowerCase();
  const isNamed = type !== "" && !type.endsWith("/octet-stream");
  const extension = key.slice(key.lastIndexOf(".") + 1).toLowerCase();
  return isNamed ? given : byExtension.get(extension) ?? "application/octet-stream";
}
