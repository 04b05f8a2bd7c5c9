import type { ObjectRow, StorageContext, StorageHandler } from "./context.ts";
import { refuse } from "./errors.ts";
import { type IncomingFile, readIncomingFile } from "./incoming.ts";
import { requireKey } from "./names.ts";
import {
  type BucketRow,
  findBucket,
  findObject,
  requireAllowedType,
  requireWritable,
  toMetadata,
  writeObject,
} from "./objects.ts";

/** POST /object/{bucket}/{key}; `x-upsert: true` overwrites. */
export const uploadObject: StorageHandler = (context) =>
  upload(context, "storage.object.upload", context.request.headers.get("x-upsert") === "true");

/** PUT /object/{bucket}/{key}: overwrites. */
export const updateObject: StorageHandler = (context) =>
  upload(context, "storage.object.upload_update", true);

async function upload(
  context: StorageContext,
  operation: string,
  upsert: boolean,
): Promise<Response> {
  const { bucket, caller, database } = context;
  const key = requireKey(context.key);
  const limits = await findBucket(database, bucket);
  await requireWritable(database, caller, operation, { bucket, key, upsert });
  const row = await store(context, limits, { upsert, owner: caller.claims.sub });
  return Response.json({ Id: row.id, Key: `${bucket}/${key}` });
}

export interface StoreOptions {
  upsert: boolean;
  owner: string | undefined;
}

/**
 * Receives the request's file and gives it its row. The right to do so was shown before. Either
 * row and file are both there afterwards or neither is; what was overwritten goes after the commit.
 */
export async function store(
  context: StorageContext,
  limits: BucketRow,
  options: StoreOptions,
): Promise<ObjectRow> {
  const { request, files } = context;
  requireAnnouncedSize(request, limits.file_size_limit);
  const incoming = await readIncomingFile(request);
  requireAllowedType(incoming.mimeType, limits.allowed_mime_types);
  const received = await files.receive(incoming.body, limits.file_size_limit);
  try {
    await incoming.finished;
    return await commit(context, { ...options, incoming, received });
  } finally {
    await files.discard(received.temporary);
  }
}

// A form is a little larger than its file, so only a bare body can be judged by its announcement.
function requireAnnouncedSize(request: Request, limit: number | null): void {
  const isForm = request.headers.get("content-type")?.startsWith("multipart/form-data") ?? false;
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (!isForm && limit !== null && announced > limit) throw refuse.tooLarge();
}

interface Received extends StoreOptions {
  incoming: IncomingFile;
  received: { size: number; eTag: string; temporary: string };
}

async function commit(context: StorageContext, file: Received): Promise<ObjectRow> {
  const { bucket, key, database, files } = context;
  const address = { bucket, version: crypto.randomUUID() };
  try {
    const { row, previous } = await database.asOwner(async (sql) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`${bucket}/${key}`}, 0))`;
      const previous = await findObject(sql, bucket, key);
      const row = await writeObject(sql, {
        bucket,
        key,
        owner: file.owner,
        version: address.version,
        metadata: toMetadata(file.received, file.incoming),
        userMetadata: file.incoming.userMetadata,
      }, file.upsert);
      await files.place(file.received.temporary, address);
      return { row, previous };
    });
    if (previous !== undefined) await files.remove({ bucket, version: previous.version });
    return row;
  } catch (error) {
    await files.remove(address);
    throw error;
  }
}
