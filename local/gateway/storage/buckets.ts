import type { StorageContext, StorageHandler } from "./context.ts";
import { readJson, readText } from "./context.ts";
import type { Transaction } from "./database.ts";
import { refuse } from "./errors.ts";
import { requireBucketName } from "./names.ts";

const units: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };
const sortColumns = ["id", "name", "created_at", "updated_at"] as const;
const maxListed = 1000;

interface BucketSettings {
  public?: boolean;
  file_size_limit?: number | null;
  allowed_mime_types?: string[] | null;
}

export const createBucket: StorageHandler = async ({ request, caller, database }) => {
  const body = await readJson(request);
  const name = requireBucketName(readText(body, "name"));
  const id = requireBucketName(typeof body["id"] === "string" ? body["id"] : name);
  const settings = readSettings(body);
  await database.asCaller(caller, "storage.bucket.create", (sql) =>
    sql`insert into storage.buckets
        ${sql({ public: false, ...settings, ...ownerOf(caller.claims.sub), id, name })}`);
  return Response.json({ name: id });
};

export const listBuckets: StorageHandler = async ({ query, caller, database }) => {
  const column = sortColumns.find((each) => each === query.get("sortColumn")) ?? "name";
  const search = query.get("search") ?? "";
  const rows = await database.asCaller(
    caller,
    "storage.bucket.list",
    (sql) =>
      sql`select ${bucketColumns(sql)} from storage.buckets
        where ${search} = '' or strpos(lower(name), lower(${search})) > 0
        order by ${sql(column)} ${query.get("sortOrder") === "desc" ? sql`desc` : sql`asc`}
        limit ${readPage(query, "limit", maxListed)} offset ${readPage(query, "offset", 0)}`,
  );
  return Response.json(rows);
};

export const getBucket: StorageHandler = async ({ bucket, caller, database }) => {
  const [row] = await database.asCaller(
    caller,
    "storage.bucket.get",
    (sql) => sql`select ${bucketColumns(sql)} from storage.buckets where id = ${bucket}`,
  );
  if (row === undefined) throw refuse.noSuchBucket();
  return Response.json(row);
};

export const updateBucket: StorageHandler = async ({ request, bucket, caller, database }) => {
  const settings = readSettings(await readJson(request));
  const rows = await database.asCaller(
    caller,
    "storage.bucket.update",
    (sql) =>
      sql`update storage.buckets set ${sql({ ...settings, updated_at: new Date() })}
        where id = ${bucket} returning id`,
  );
  if (rows.length === 0) throw refuse.noSuchBucket();
  return Response.json({ message: "Successfully updated" });
};

export const deleteBucket: StorageHandler = async (context) => {
  await requireVisible(context, "storage.bucket.delete");
  const { bucket, caller, database } = context;
  const objects = await database.asOwner((sql) =>
    sql`select 1 from storage.objects where bucket_id = ${bucket} limit 1`
  );
  if (objects.length > 0) throw refuse.bucketNotEmpty();
  const rows = await database.asCaller(
    caller,
    "storage.bucket.delete",
    (sql) => sql`delete from storage.buckets where id = ${bucket} returning id`,
  );
  if (rows.length === 0) throw refuse.noSuchBucket();
  return Response.json({ message: "Successfully deleted" });
};

export const emptyBucket: StorageHandler = async (context) => {
  await requireVisible(context, "storage.bucket.empty");
  const { bucket, caller, database, files } = context;
  const removed = await database.asCaller(
    caller,
    "storage.bucket.empty",
    (sql) =>
      sql<{ version: string }[]>`delete from storage.objects where bucket_id = ${bucket}
        returning version`,
  );
  for (const { version } of removed) await files.remove({ bucket, version });
  return Response.json({ message: "Successfully emptied" });
};

async function requireVisible(context: StorageContext, operation: string): Promise<void> {
  const rows = await context.database.asCaller(
    context.caller,
    operation,
    (sql) => sql`select 1 from storage.buckets where id = ${context.bucket}`,
  );
  if (rows.length === 0) throw refuse.noSuchBucket();
}

function bucketColumns(sql: Transaction) {
  return sql`id, name, coalesce(owner::text, '') as owner, public, file_size_limit::float8,
    allowed_mime_types, created_at, updated_at, 'STANDARD' as type`;
}

function ownerOf(subject: string | undefined) {
  return subject === undefined ? {} : { owner: subject, owner_id: subject };
}

function readPage(query: URLSearchParams, name: string, fallback: number): number {
  const value = Number(query.get(name) ?? fallback);
  return Number.isInteger(value) && value >= 0 ? value : fallback;
}

function readSettings(body: Record<string, unknown>): BucketSettings {
  const settings: BucketSettings = {};
  if (typeof body["public"] === "boolean") settings.public = body["public"];
  const limit = body["file_size_limit"];
  if (limit !== undefined) settings.file_size_limit = readSize(limit);
  const types = body["allowed_mime_types"];
  if (types !== undefined) settings.allowed_mime_types = readTypes(types);
  return settings;
}

function readSize(value: unknown): number | null {
  if (value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  const match = /^(\d+(?:\.\d+)?)(gb|mb|kb|b)?$/i.exec(String(value));
  if (match === null) {
    throw refuse.invalidRequest("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B");
  }
  return Math.floor(Number(match[1]) * (units[(match[2] ?? "b").toLowerCase()] ?? 1));
}

function readTypes(value: unknown): string[] | null {
  if (value === null) return null;
  const valid = Array.isArray(value) &&
    value.every((each) => typeof each === "string" && /^[\w.+-]+\/([\w.+-]+|\*)$/.test(each));
  if (!valid) throw refuse.mimeType(String(value));
  return value;
}
