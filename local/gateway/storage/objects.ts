import type { Caller } from "../keys.ts";
import type { ObjectMetadata, ObjectRow } from "./context.ts";
import type { StorageDatabase, Transaction } from "./database.ts";
import { refuse } from "./errors.ts";
import type { StoredFile } from "./files.ts";
import type { IncomingFile } from "./incoming.ts";

/** Limits of a bucket: bytes and media types, null where it has none. */
export interface BucketRow {
  id: string;
  public: boolean;
  file_size_limit: number | null;
  allowed_mime_types: string[] | null;
}

/** A bucket whoever asks; the rows of storage.buckets are usually hidden from users. */
export async function findBucket(database: StorageDatabase, bucket: string): Promise<BucketRow> {
  const [row] = await database.asOwner((sql) =>
    sql<BucketRow[]>`select id, public, file_size_limit::float8, allowed_mime_types
        from storage.buckets where id = ${bucket}`
  );
  if (row === undefined) throw refuse.noSuchBucket();
  return row;
}

/** The object as `sql` may see it. */
export async function findObject(
  sql: Transaction,
  bucket: string,
  key: string,
): Promise<ObjectRow | undefined> {
  const [row] = await sql<ObjectRow[]>`select * from storage.objects
      where bucket_id = ${bucket} and name = ${key}`;
  return row;
}

export async function requireObject(
  sql: Transaction,
  bucket: string,
  key: string,
): Promise<ObjectRow> {
  const row = await findObject(sql, bucket, key);
  if (row === undefined) throw refuse.noSuchKey();
  return row;
}

export interface NewObject {
  bucket: string;
  key: string;
  /** Subject of the uploader's token; nothing for the secret key. */
  owner: string | undefined;
  version: string;
  metadata: ObjectMetadata | null;
  userMetadata: Record<string, unknown> | null;
}

/** Writes an object's row; the right to do so was shown before. */
export async function writeObject(
  sql: Transaction,
  object: NewObject,
  upsert: boolean,
): Promise<ObjectRow> {
  const [row] = await sql<ObjectRow[]>`${insertObject(sql, object, upsert)} returning *`;
  if (row === undefined) throw refuse.accessDenied("new row violates row-level security policy");
  return row;
}

// Without `returning`, which would ask the caller for a select policy that an upload needs not.
function insertObject(sql: Transaction, object: NewObject, upsert: boolean) {
  const { bucket, key, owner = null, version } = object;
  const ownerId = owner !== null && isUuid(owner) ? owner : null;
  const metadata = object.metadata === null ? null : sql.json({ ...object.metadata });
  const userMetadata = object.userMetadata === null
    ? null
    : sql.json(JSON.parse(JSON.stringify(object.userMetadata)));
  const onConflict = upsert
    ? sql`on conflict (bucket_id, name) do update set version = excluded.version,
        metadata = excluded.metadata, user_metadata = excluded.user_metadata,
        owner = excluded.owner, owner_id = excluded.owner_id`
    : sql``;
  return sql`insert into storage.objects
      (bucket_id, name, owner, owner_id, version, metadata, user_metadata)
      values (${bucket}, ${key}, ${ownerId}, ${owner}, ${version}, ${metadata}, ${userMetadata})
      ${onConflict}`;
}

/** Asks the policies whether the caller may write this object, without writing it. */
export async function requireWritable(
  database: StorageDatabase,
  caller: Caller,
  operation: string,
  target: { bucket: string; key: string; upsert: boolean },
): Promise<void> {
  const { bucket, key, upsert } = target;
  const object: NewObject = {
    bucket,
    key,
    owner: caller.claims.sub,
    version: crypto.randomUUID(),
    metadata: null,
    userMetadata: null,
  };
  await database.probe(caller, operation, (sql) => insertObject(sql, object, upsert));
}

export function requireAllowedType(mimeType: string, allowed: string[] | null): void {
  if (allowed === null || allowed.length === 0) return;
  const bare = (mimeType.split(";")[0] ?? "").trim().toLowerCase();
  const family = `${bare.split("/")[0] ?? ""}/*`;
  const fits = allowed.some((each) => ["*/*", family, bare].includes(each.toLowerCase()));
  if (!fits) throw refuse.mimeType(mimeType);
}

export function toMetadata(file: StoredFile, incoming: IncomingFile): ObjectMetadata {
  return {
    eTag: file.eTag,
    size: file.size,
    mimetype: incoming.mimeType,
    cacheControl: incoming.cacheControl,
    lastModified: new Date().toISOString(),
    contentLength: file.size,
    httpStatusCode: 200,
    ...(incoming.contentEncoding === undefined
      ? {}
      : { contentEncoding: incoming.contentEncoding }),
  };
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text);
}
