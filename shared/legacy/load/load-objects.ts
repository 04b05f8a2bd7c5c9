import type postgres from "postgres";
import { AppError } from "../../errors/app-error.ts";
import { removeChunkSize } from "../../storage/object-store.ts";
import { UploadRefusedError } from "../../storage/upload-stream.ts";
import { createAuthAdmin } from "../auth-admin.ts";
import type { LegacyContext } from "../context.ts";
import { LegacyError } from "../errors.ts";
import { copyObject, isMd5, ObjectChangedError, StoredOtherwiseError } from "./copy-object.ts";
import { stageSchema } from "./relations.ts";
import {
  codeOf,
  describeS3Failure,
  isTransient,
  type LegacyObjects,
  maxAttempts,
  openLegacyObjects,
  pause,
  type S3Settings,
  type SourceObject,
} from "./s3.ts";
import { readErased } from "./erased.ts";
import { openStage } from "./stage.ts";

/** A bucket of the legacy object store and the one of Storage that takes its objects. */
export interface BucketPair {
  from: string;
  to: string;
}

/** The buckets of the legacy system, under their own names. */
export const defaultBuckets: readonly BucketPair[] = ["uploads", "thumbnails", "sidecars"].map(
  (name) => ({ from: name, to: name }),
);

/** An object that could not be loaded. The others were. */
export interface ObjectFailure {
  bucket: string;
  key: string;
  /** A short code. */
  cause: string;
  /** What happened and what to do. */
  detail: string;
}

/** What the load of one bucket came to. */
export interface BucketReport extends BucketPair {
  /** Objects the legacy bucket has. */
  objects: number;
  copied: number;
  /** Bytes of those that were copied. */
  bytes: number;
  /** Already there, with the same size and checksum. */
  unchanged: number;
  /** Loaded once, gone in the legacy bucket since, and now in Storage too. */
  removed: number;
  /** Of users and people erased in the project: not loaded. */
  erased: number;
  failed: number;
}

/** What the load of the objects came to. */
export interface ObjectsReport {
  buckets: BucketReport[];
  /** At most 1000; `failed` of the buckets counts all. */
  failures: ObjectFailure[];
}

/** What the load of objects needs to know. */
export interface ObjectsOptions {
  s3: S3Settings;
  buckets: readonly BucketPair[];
  /** Objects at a time; default 4. */
  concurrency?: number;
  /** How far the objects are, in bytes of all buckets. */
  onBytes(done: number, total: number): void;
}

const maxListedFailures = 1000;

/**
 * Brings the objects of the legacy buckets into Storage. What has been loaded with this size and
 * checksum is not loaded again, so that a run that was broken off is resumed by running it again.
 * Objects that Storage will not take are reported and do not keep the others; those of users and
 * people erased in the project stay away.
 * @throws LegacyError usage for keys, buckets or an endpoint that are wrong, before anything is
 * copied; outage when the object store or Storage stops answering
 */
export async function loadObjects(
  context: Pick<LegacyContext, "sql" | "deps">,
  options: ObjectsOptions,
): Promise<ObjectsReport> {
  const objects = openLegacyObjects(options.s3);
  await checkStorage(context, options.buckets);
  let total = 0;
  for (const { from } of options.buckets) total += await measure(objects, from);
  await openStage(context.sql);
  const report: ObjectsReport = { buckets: [], failures: [] };
  const { users, people } = await readErased(context.sql);
  const erased = new Set([...users, ...people]);
  let done = 0;
  for (const pair of options.buckets) {
    const loader = createLoader({
      ...options,
      context,
      objects,
      pair,
      report,
      erased,
      onBytes: (bytes) => options.onBytes(done += bytes, total),
    });
    report.buckets.push(await loader());
  }
  return report;
}

async function measure(objects: LegacyObjects, bucket: string): Promise<number> {
  let bytes = 0;
  for await (const page of objects.list(bucket)) {
    for (const { size } of page) bytes += size;
  }
  return bytes;
}

async function checkStorage(
  { sql, deps }: Pick<LegacyContext, "sql" | "deps">,
  buckets: readonly BucketPair[],
): Promise<void> {
  await createAuthAdmin(deps.env).checkKeys();
  const names = buckets.map(({ to }) => to);
  const rows = await sql<{ id: string }[]>`
    select id from storage.buckets where id = any(${names})`;
  const missing = names.filter((name) => !rows.some(({ id }) => id === name));
  if (missing.length === 0) return;
  throw new LegacyError(
    "usage",
    `Storage of this project has no bucket ${
      missing.map((name) => `"${name}"`).join(", ")
    }: name ` +
      "those it has with --bucket old=new. Nothing was changed",
  );
}

interface LoaderParts {
  context: Pick<LegacyContext, "sql" | "deps">;
  s3: S3Settings;
  objects: LegacyObjects;
  pair: BucketPair;
  report: ObjectsReport;
  /** Ids of users and people whose objects must not come back. */
  erased: ReadonlySet<string>;
  concurrency?: number;
  onBytes(bytes: number): void;
}

function createLoader(parts: LoaderParts): () => Promise<BucketReport> {
  const { context: { sql, deps }, objects, pair, concurrency = 4 } = parts;
  const own: BucketReport = {
    ...pair,
    objects: 0,
    copied: 0,
    bytes: 0,
    unchanged: 0,
    removed: 0,
    erased: 0,
    failed: 0,
  };

  async function loadPage(page: SourceObject[]): Promise<void> {
    own.objects += page.length;
    const states = await readStates(sql, pair.to, page);
    await markSeen(sql, page);
    await forEachAtOnce(page, concurrency, async (object) => {
      if (isErased(object)) return leaveOut(object);
      const state = states.get(object.key);
      if (state === "loaded") return skip(object);
      if (state === "stored") {
        await record(sql, pair.to, object, object.etag);
        return skip(object);
      }
      await loadOne(object);
    });
  }

  function skip({ size }: SourceObject): void {
    own.unchanged++;
    parts.onBytes(size);
  }

  // Its key names whose it is: a user's own id, then a person's.
  function isErased({ key }: SourceObject): boolean {
    return key.split("/").some((part) => parts.erased.has(part.toLowerCase()));
  }

  function leaveOut({ size }: SourceObject): void {
    own.erased++;
    parts.onBytes(size);
  }

  async function loadOne(object: SourceObject): Promise<void> {
    try {
      const md5 = await copyPatiently(parts, object);
      if (md5 === null) return;
      own.copied++;
      own.bytes += object.size;
    } catch (error) {
      const failure = describeFailure(error, object);
      if (!failure) throw explainOutage(error, parts);
      own.failed++;
      if (parts.report.failures.length < maxListedFailures) {
        parts.report.failures.push({ bucket: pair.from, key: object.key, ...failure });
      }
    }
  }

  async function removeGone(): Promise<void> {
    if (own.objects === 0) return;
    for (;;) {
      const rows = await sql<{ key: string }[]>`
        select o.key from private.legacy_objects as o
        where o.bucket = ${pair.to} and not exists (
          select from ${sql(`${stageSchema}.seen_objects`)} as s where s.key = o.key)
        order by o.key limit ${removeChunkSize}`;
      if (rows.length === 0) return;
      const keys = rows.map(({ key }) => key);
      await deps.objects.remove(pair.to, keys);
      await sql`
        delete from private.legacy_objects where bucket = ${pair.to} and key = any(${keys})`;
      own.removed += keys.length;
    }
  }

  return async () => {
    await emptySeen(sql);
    for await (const page of objects.list(pair.from)) await loadPage(page);
    await assertNotEmptied(sql, pair, own);
    await removeGone();
    return own;
  };
}

// An empty bucket where there were objects is more likely the wrong one than a mass deletion.
async function assertNotEmptied(
  sql: postgres.Sql,
  { from, to }: BucketPair,
  { objects }: BucketReport,
): Promise<void> {
  if (objects > 0) return;
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from private.legacy_objects where bucket = ${to}`;
  if (row.count === 0) return;
  throw new LegacyError(
    "refused",
    `The legacy bucket "${from}" is empty, and ${row.count} objects were loaded from it before: ` +
      "check LEGACY_S3_ENDPOINT. Nothing was removed",
  );
}

async function emptySeen(sql: postgres.Sql): Promise<void> {
  const seen = sql(`${stageSchema}.seen_objects`);
  await sql`create unlogged table if not exists ${seen} (key text primary key)`;
  await sql`truncate ${seen}`;
}

async function markSeen(sql: postgres.Sql, page: SourceObject[]): Promise<void> {
  await sql`
    insert into ${sql(`${stageSchema}.seen_objects`)} (key)
    select unnest(${page.map(({ key }) => key)}::text[]) on conflict do nothing`;
}

/** `loaded`: recorded and there. `stored`: there, but a run that was broken off did not record it. */
type ObjectState = "loaded" | "stored";

async function readStates(
  sql: postgres.Sql,
  bucket: string,
  page: SourceObject[],
): Promise<Map<string, ObjectState>> {
  const rows = await sql<{
    key: string;
    size: string;
    etag: string | null;
    loaded_size: string | null;
    loaded_etag: string | null;
  }[]>`
    select o.name as key, o.metadata ->> 'size' as size, btrim(o.metadata ->> 'eTag', '"') as etag,
      l.size::text as loaded_size, l.source_etag as loaded_etag
    from storage.objects as o
    left join private.legacy_objects as l on l.bucket = o.bucket_id and l.key = o.name
    where o.bucket_id = ${bucket} and o.name = any(${page.map(({ key }) => key)})`;
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return new Map(page.flatMap(({ key, size, etag }): [string, ObjectState][] => {
    const row = byKey.get(key);
    if (!row || Number(row.size) !== size) return [];
    if (Number(row.loaded_size) === size && row.loaded_etag === etag) return [[key, "loaded"]];
    return isMd5(etag) && row.etag === etag ? [[key, "stored"]] : [];
  }));
}

async function copyPatiently(
  { context: { sql, deps }, objects, pair, onBytes }: LoaderParts,
  listed: SourceObject,
): Promise<string | null> {
  let object = listed;
  for (let attempt = 1;; attempt++) {
    let sent = 0;
    const count = (bytes: number) => {
      sent += bytes;
      onBytes(bytes);
    };
    try {
      const copy = { ...pair, object };
      const md5 = await copyObject({ sql, env: deps.env, objects, onBytes: count }, copy);
      if (md5 !== null) await record(sql, pair.to, object, md5);
      return md5;
    } catch (error) {
      onBytes(-sent);
      if (attempt === maxAttempts || !isWorthAnotherTry(error)) throw error;
      if (error instanceof ObjectChangedError) {
        object = await objects.stat(pair.from, listed.key) ?? object;
      } else {
        await pause(attempt);
      }
    }
  }
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof ObjectChangedError || error instanceof StoredOtherwiseError ||
    isAway(error);
}

function isAway(error: unknown): boolean {
  return (error instanceof AppError && error.status === 503) || isTransient(error);
}

async function record(
  sql: postgres.Sql,
  bucket: string,
  { key, size, etag }: SourceObject,
  md5: string,
): Promise<void> {
  await sql`
    insert into private.legacy_objects (bucket, key, size, source_etag, md5)
    values (${bucket}, ${key}, ${size}, ${etag}, ${md5})
    on conflict (bucket, key) do update set size = excluded.size, md5 = excluded.md5,
      source_etag = excluded.source_etag, loaded_at = now()`;
}

/** A failure of this object alone; undefined when the run has to stop. */
function describeFailure(
  error: unknown,
  { key }: SourceObject,
): { cause: string; detail: string } | undefined {
  if (error instanceof ObjectChangedError) {
    return { cause: "changed", detail: `${error.message}: run the load again` };
  }
  if (error instanceof StoredOtherwiseError) {
    return { cause: "stored_otherwise", detail: `${error.message}: run the load again` };
  }
  if (error instanceof UploadRefusedError && error.status !== 401 && error.status !== 403) {
    return {
      cause: error.code,
      detail:
        `Storage refuses "${key}" (${error.message}): change the object or the limits of its ` +
        "bucket, and run the load again",
    };
  }
  if (codeOf(error) === "AccessDenied") {
    return {
      cause: "access_denied",
      detail: `The keys may list "${key}" but not read it: allow it, and run the load again`,
    };
  }
  return undefined;
}

function explainOutage(error: unknown, { s3, pair }: LoaderParts): unknown {
  if (error instanceof UploadRefusedError) {
    return new LegacyError(
      "usage",
      `Storage refuses the secret key (${error.message}): check SUPABASE_SECRET_KEYS`,
      { cause: error },
    );
  }
  if (error instanceof AppError && error.status === 503) {
    return new LegacyError(
      "outage",
      "Storage does not answer: check SUPABASE_URL and the project, and run the same command " +
        "again, it goes on where it stopped",
      { cause: error },
    );
  }
  return describeS3Failure(error, s3, pair.from) ?? error;
}

/** Runs `work` over the items, so many at a time; the first failure ends it once all have ended. */
async function forEachAtOnce<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async () => {
    while (!failed && next < items.length) {
      const item = items[next++];
      if (item === undefined) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: limit }, worker));
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
}
