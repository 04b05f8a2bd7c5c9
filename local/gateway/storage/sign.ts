import {
  type ObjectRow,
  readInteger,
  readJson,
  type StorageContext,
  type StorageHandler,
} from "./context.ts";
import { refuse } from "./errors.ts";
import { requireKey } from "./names.ts";
import { requireObject } from "./objects.ts";

const maxPaths = 1000;
const yearSeconds = 366 * 86_400;
const missing = "Either the object does not exist or you do not have access to it";

/** POST /object/sign/{bucket}/{key} {expiresIn}: the object must be visible to the caller. */
export const signObject: StorageHandler = async (context) => {
  const { bucket, caller, database, request } = context;
  const key = requireKey(context.key);
  const body = await readJson(request);
  if (body["transform"] !== undefined) throw refuse.notSupported("Image transformation");
  const seconds = readSeconds(body);
  await database.asCaller(
    caller,
    "storage.object.sign",
    (sql) => requireObject(sql, bucket, key),
  );
  return Response.json({ signedURL: await toSignedUrl(context, key, seconds) });
};

/** POST /object/sign/{bucket} {expiresIn, paths}: one answer per path, a missing one is no failure. */
export const signObjects: StorageHandler = async (context) => {
  const { bucket, caller, database, request } = context;
  const body = await readJson(request);
  const seconds = readSeconds(body);
  const paths = readPaths(body["paths"]);
  const rows = await database.asCaller(
    caller,
    "storage.object.sign_many",
    (sql) =>
      sql<Pick<ObjectRow, "name">[]>`select name from storage.objects
        where bucket_id = ${bucket} and name = any(${paths})`,
  );
  const visible = new Set(rows.map((row) => row.name));
  return Response.json(
    await Promise.all(
      paths.map(async (path) =>
        visible.has(path)
          ? { error: null, path, signedURL: await toSignedUrl(context, path, seconds) }
          : { error: missing, path, signedURL: null }
      ),
    ),
  );
};

async function toSignedUrl(context: StorageContext, key: string, seconds: number): Promise<string> {
  const path = `${context.bucket}/${key}`;
  return `/object/sign/${path}?token=${await context.signer.sign("download", path, seconds)}`;
}

function readSeconds(body: Record<string, unknown>): number {
  if (body["expiresIn"] === undefined) {
    throw refuse.invalidRequest("body must have required property 'expiresIn'");
  }
  return readInteger(body, "expiresIn", { min: 1, max: yearSeconds, fallback: 0 });
}

function readPaths(value: unknown): string[] {
  const valid = Array.isArray(value) && value.length > 0 && value.length <= maxPaths &&
    value.every((path) => typeof path === "string");
  if (!valid) throw refuse.invalidRequest(`body/paths must hold 1 to ${maxPaths} texts`);
  return value;
}
