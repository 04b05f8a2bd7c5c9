import { type ObjectRow, readJson, type StorageHandler } from "./context.ts";
import type { Transaction } from "./database.ts";
import { refuse } from "./errors.ts";
import { requireKey } from "./names.ts";

const maxPaths = 1000;

/** DELETE /object/{bucket} {prefixes: keys}: removes what policies allow and answers what went. */
export const removeObjects: StorageHandler = async (context) => {
  const { bucket, caller, database, files, request } = context;
  const keys = readKeys((await readJson(request))["prefixes"]);
  const removed = await database.asCaller(
    caller,
    "storage.object.delete_many",
    (sql) => deleteRows(sql, bucket, keys),
  );
  for (const { version } of removed) await files.remove({ bucket, version });
  return Response.json(removed);
};

/** DELETE /object/{bucket}/{key}. */
export const removeObject: StorageHandler = async (context) => {
  const { bucket, caller, database, files } = context;
  const key = requireKey(context.key);
  const [removed] = await database.asCaller(
    caller,
    "storage.object.delete",
    (sql) => deleteRows(sql, bucket, [key]),
  );
  if (removed === undefined) throw refuse.noSuchKey();
  await files.remove({ bucket, version: removed.version });
  return Response.json({ message: "Successfully deleted" });
};

async function deleteRows(sql: Transaction, bucket: string, keys: string[]): Promise<ObjectRow[]> {
  return await sql<ObjectRow[]>`delete from storage.objects
      where bucket_id = ${bucket} and name = any(${keys})
      returning id, name, bucket_id, owner, owner_id, version, created_at, updated_at,
        last_accessed_at, metadata, user_metadata`;
}

function readKeys(value: unknown): string[] {
  const valid = Array.isArray(value) && value.length > 0 && value.length <= maxPaths &&
    value.every((key) => typeof key === "string");
  if (!valid) throw refuse.invalidRequest(`body/prefixes must hold 1 to ${maxPaths} texts`);
  return value;
}
