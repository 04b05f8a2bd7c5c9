import {
  type ObjectRow,
  readJson,
  readText,
  type StorageContext,
  type StorageHandler,
} from "./context.ts";
import { refuse } from "./errors.ts";
import type { FileAddress } from "./files.ts";
import { requireKey } from "./names.ts";
import { findBucket, findObject, requireObject, requireWritable, writeObject } from "./objects.ts";

interface Destination {
  bucket: string;
  key: string;
  toBucket: string;
  toKey: string;
}

/** POST /object/move: the caller must see the source and may update it to the new name. */
export const moveObject: StorageHandler = async (context) => {
  const { request, database, files } = context;
  const destination = readDestination(await readJson(request));
  const { toBucket, toKey } = destination;
  await findBucket(database, toBucket);
  const address: FileAddress = { bucket: toBucket, version: crypto.randomUUID() };
  try {
    const { id, source } = await commitMove(context, destination, address);
    await files.remove(source);
    return Response.json({ message: "Successfully moved", Id: id, Key: `${toBucket}/${toKey}` });
  } catch (error) {
    await files.remove(address);
    throw error;
  }
};

async function commitMove(
  { caller, database, files }: StorageContext,
  { bucket, key, toBucket, toKey }: Destination,
  address: FileAddress,
): Promise<{ id: string; source: FileAddress }> {
  return await database.asCaller(caller, "storage.object.move", async (sql) => {
    const source = await requireObject(sql, bucket, key);
    const [row] = await sql<{ id: string }[]>`update storage.objects
        set name = ${toKey}, bucket_id = ${toBucket}, version = ${address.version}
        where id = ${source.id} returning id`;
    if (row === undefined) throw refuse.noSuchKey();
    await files.link({ bucket, version: source.version }, address);
    return { id: row.id, source: { bucket, version: source.version } };
  });
}

/** POST /object/copy: the caller must see the source and may write the copy. */
export const copyObject: StorageHandler = async (context) => {
  const { request, caller, database, files } = context;
  const destination = readDestination(await readJson(request));
  const { bucket, key, toBucket, toKey } = destination;
  const upsert = request.headers.get("x-upsert") === "true";
  await findBucket(database, toBucket);
  const target = { bucket: toBucket, key: toKey, upsert };
  await requireWritable(database, caller, "storage.object.copy", target);
  const source = await database.asCaller(
    caller,
    "storage.object.copy",
    (sql) => requireObject(sql, bucket, key),
  );
  const address: FileAddress = { bucket: toBucket, version: crypto.randomUUID() };
  await files.link({ bucket, version: source.version }, address);
  const row = await commitCopy(context, source, target, address);
  return Response.json({ ...row, Id: row.id, Key: `${toBucket}/${toKey}` });
};

async function commitCopy(
  { caller, database, files }: StorageContext,
  source: ObjectRow,
  target: { bucket: string; key: string; upsert: boolean },
  address: FileAddress,
): Promise<ObjectRow> {
  try {
    const { row, previous } = await database.asOwner(async (sql) => {
      const previous = await findObject(sql, target.bucket, target.key);
      const row = await writeObject(sql, {
        bucket: target.bucket,
        key: target.key,
        owner: caller.claims.sub,
        version: address.version,
        metadata: source.metadata,
        userMetadata: source.user_metadata,
      }, target.upsert);
      return { row, previous };
    });
    if (previous) await files.remove({ bucket: target.bucket, version: previous.version });
    return row;
  } catch (error) {
    await files.remove(address);
    throw error;
  }
}

function readDestination(body: Record<string, unknown>): Destination {
  const bucket = readText(body, "bucketId");
  const toBucket = body["destinationBucket"];
  return {
    bucket,
    key: requireKey(readText(body, "sourceKey")),
    toBucket: typeof toBucket === "string" && toBucket !== "" ? toBucket : bucket,
    toKey: requireKey(readText(body, "destinationKey")),
  };
}
