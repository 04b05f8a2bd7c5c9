import type { ObjectRow, StorageHandler } from "./context.ts";
import { refuse } from "./errors.ts";
import { requireKey } from "./names.ts";
import { findBucket, requireObject } from "./objects.ts";

/** GET /object/info/{bucket}/{key} and /object/info/authenticated/{bucket}/{key}. */
export const objectInfo: StorageHandler = async ({ bucket, key, caller, database }) => {
  requireKey(key);
  const isPublic = (await findBucket(database, bucket)).public;
  const row = isPublic
    ? await database.asOwner((sql) => requireObject(sql, bucket, key))
    : await database.asCaller(
      caller,
      "storage.object.get_authenticated_info",
      (sql) => requireObject(sql, bucket, key),
    );
  return Response.json(toInfo(row));
};

/** GET /object/info/public/{bucket}/{key}. */
export const publicObjectInfo: StorageHandler = async ({ bucket, key, database }) => {
  requireKey(key);
  if (!(await findBucket(database, bucket)).public) throw refuse.noSuchBucket();
  return Response.json(toInfo(await database.asOwner((sql) => requireObject(sql, bucket, key))));
};

function toInfo(row: ObjectRow) {
  return {
    id: row.id,
    name: row.name,
    version: row.version,
    bucket_id: row.bucket_id,
    size: row.metadata?.size ?? null,
    content_type: row.metadata?.mimetype ?? null,
    content_encoding: row.metadata?.contentEncoding ?? null,
    cache_control: row.metadata?.cacheControl ?? null,
    etag: row.metadata?.eTag ?? null,
    metadata: row.user_metadata ?? {},
    last_modified: row.updated_at,
    created_at: row.created_at,
  };
}
