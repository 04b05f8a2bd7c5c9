import type postgres from "postgres";
import { nameFailure } from "../../errors/name-failure.ts";
import { AppError } from "../../errors/app-error.ts";
import { ObjectExistsError, type ObjectStore } from "../../storage/object-store.ts";
import { LegacyError } from "../errors.ts";
import { isMd5 } from "../load/copy-object.ts";
import { collectMoves } from "./collect-moves.ts";
import { inParallel } from "./in-parallel.ts";
import { switchKeys } from "./switch-keys.ts";

/** What moving objects works with. */
export interface ObjectMoveContext {
  /** The project's database, role postgres. */
  sql: postgres.Sql;
  objects: Pick<ObjectStore, "copy" | "remove" | "stat">;
}

/** How objects are moved. */
export interface ObjectMoveOptions {
  /** Copies at once; default 8. */
  concurrency?: number | undefined;
  /** Objects between two switches of rows; default 200. */
  batchSize?: number | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
  /** Milliseconds before the second try after an outage, doubled at each; default 500. */
  pauseMs?: number | undefined;
}

/** An object that stays where it is. */
export interface FailedObject {
  bucket: string;
  key: string;
  reason: string;
}

/** What one run over the objects did. */
export interface ObjectReport {
  moved: number;
  /** Named by a row, but not there. */
  missing: number;
  failed: FailedObject[];
}

interface Move {
  state: "pending" | "copied" | "switched" | "moved" | "missing";
  bucket: string;
  old_key: string;
  new_key: string;
  /** Whether there is an object at one of the two keys. */
  stored: boolean;
}

const tries = 6;

/**
 * Gives every object whose key carries the legacy id of its owner a key with the new id: copy, let
 * the rows name the copy, remove the old. Both keys can be read until then. Each step is noted in
 * `private.legacy_object_moves`, so that a run that broke off anywhere is taken up by the next.
 * Objects that are not there, or cannot be copied, are reported and do not stop the others.
 * @throws LegacyError outage when Storage stays away; what was done until then is kept
 */
export async function moveObjects(
  ctx: ObjectMoveContext,
  options: ObjectMoveOptions = {},
): Promise<ObjectReport> {
  const report: ObjectReport = { moved: 0, missing: 0, failed: [] };
  // A key that is taken may become free when the object there is moved itself.
  for (let before = Infinity;;) {
    const { conflicts } = await collectMoves(ctx.sql);
    await retryMissing(ctx.sql);
    const { moved, failed } = await eachBatch(ctx, options, forward(ctx));
    const left = conflicts + await countMoves(ctx.sql, forwardStates);
    report.moved += moved;
    report.failed = [...failed, ...describeConflicts(conflicts)];
    if (left === 0 || left >= before) break;
    before = left;
  }
  return { ...report, missing: await countMoves(ctx.sql, ["missing"]) };
}

/**
 * The way back, from wherever the objects stand: copies to the old keys, lets the rows name them,
 * removes the new ones and forgets the moves.
 * @throws LegacyError outage when Storage stays away; what was done until then is kept
 */
export async function moveObjectsBack(
  ctx: ObjectMoveContext,
  options: ObjectMoveOptions = {},
): Promise<ObjectReport> {
  const report: ObjectReport = { moved: 0, missing: 0, failed: [] };
  for (let before = Infinity;;) {
    const { moved, missing, failed } = await eachBatch(ctx, options, backward(ctx));
    const left = await countMoves(ctx.sql, backwardStates);
    report.moved += moved;
    report.missing += missing;
    report.failed = failed;
    if (left === 0 || left >= before) return report;
    before = left;
  }
}

/** Looks for what is to be moved and answers how much of it is not moved yet. */
export async function countObjectsToMove(sql: postgres.Sql): Promise<number> {
  const { conflicts } = await collectMoves(sql);
  await retryMissing(sql);
  return conflicts + await countMoves(sql, forwardStates);
}

const forwardStates: Move["state"][] = ["pending", "copied", "switched"];
const backwardStates: Move["state"][] = [...forwardStates, "moved", "missing"];

/** One of the two ways. */
interface Direction {
  states: readonly Move["state"][];
  /** Which key of other objects must be free of this one first. */
  waitsFor: "old_key" | "new_key";
  /** Whether the object lies where it has to now; false when it lies nowhere. */
  copy(move: Move): Promise<boolean>;
  settle(bucket: string, found: Found): Promise<void>;
}

function forward(ctx: ObjectMoveContext): Direction {
  return {
    states: forwardStates,
    waitsFor: "old_key",
    // Where rows were switched the copy is there, unless there was no object then.
    copy: async ({ state, bucket, old_key, new_key }) =>
      (state === "switched" && await ctx.objects.stat(bucket, new_key) !== null) ||
      await ensureCopy(ctx, bucket, old_key, new_key),
    settle: async (bucket, { copied, missing }) => {
      await switchKeys(ctx.sql, { bucket, oldKeys: keysOf([...copied, ...missing]), to: "new" });
      await ctx.objects.remove(bucket, keysOf(copied));
      await setState(ctx.sql, bucket, keysOf(copied), "moved");
      await setState(ctx.sql, bucket, keysOf(missing), "missing");
    },
  };
}

function backward(ctx: ObjectMoveContext): Direction {
  return {
    states: backwardStates,
    waitsFor: "new_key",
    // Before the rows were switched nothing was removed.
    copy: async ({ state, bucket, old_key, new_key }) =>
      ((state === "pending" || state === "copied") &&
        await ctx.objects.stat(bucket, old_key) !== null) ||
      await ensureCopy(ctx, bucket, new_key, old_key),
    settle: async (bucket, { copied, missing }) => {
      const all = [...copied, ...missing];
      await switchKeys(ctx.sql, { bucket, oldKeys: keysOf(all), to: "old" });
      await ctx.objects.remove(bucket, copied.map((move) => move.new_key));
      await ctx.sql`
        delete from private.legacy_object_moves
        where bucket = ${bucket} and old_key = any(${keysOf(all)})`;
    },
  };
}

interface Found {
  copied: Move[];
  missing: Move[];
}

async function eachBatch(
  ctx: ObjectMoveContext,
  options: ObjectMoveOptions,
  direction: Direction,
): Promise<ObjectReport> {
  const report: ObjectReport = { moved: 0, missing: 0, failed: [] };
  const total = await countMoves(ctx.sql, direction.states);
  let done = 0;
  for (let after: Move | undefined, more = true; more;) {
    const batch: Move[] = await readBatch(ctx.sql, { ...options, direction, after });
    for (const [bucket, moves] of Map.groupBy(batch, (move) => move.bucket)) {
      const found = await copyAll(moves, { ...options, direction, report });
      await withPatience(() => direction.settle(bucket, found), options);
      report.moved += found.copied.length;
      report.missing += found.missing.length;
    }
    if (batch.length > 0) options.onProgress?.(done += batch.length, total);
    after = batch.at(-1);
    more = after !== undefined;
  }
  return report;
}

async function copyAll(
  moves: Move[],
  { direction, report, ...options }: ObjectMoveOptions & {
    direction: Direction;
    report: ObjectReport;
  },
): Promise<Found> {
  const found: Found = { copied: [], missing: [] };
  await inParallel(moves, options.concurrency ?? 8, async (move) => {
    try {
      const there = move.stored && await withPatience(() => direction.copy(move), options);
      (there ? found.copied : found.missing).push(move);
    } catch (error) {
      if (error instanceof LegacyError) throw error;
      const reason = error instanceof UnlikeObjectError ? error.message : nameFailure(error);
      report.failed.push({ bucket: move.bucket, key: move.old_key, reason });
    }
  });
  return found;
}

/** An object that stands at the key of a copy and is not that copy. */
class UnlikeObjectError extends Error {
  override readonly name = "UnlikeObjectError";
}

const otherObject = "another object stands at its new key";

/** An object of the same content at the new key is the copy of a run that broke off. */
async function ensureCopy(
  { objects, sql }: ObjectMoveContext,
  bucket: string,
  from: string,
  to: string,
): Promise<boolean> {
  try {
    return await objects.copy(bucket, from, to) || await objects.stat(bucket, to) !== null;
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    const source = await objects.stat(bucket, from);
    if (source === null || await areAlike(sql, bucket, [from, to])) return true;
    throw new UnlikeObjectError(otherObject);
  }
}

/**
 * Whether two objects are of one size, and of one MD5 where Storage knows both: the tag of an object
 * that came in parts is none.
 */
async function areAlike(
  sql: postgres.Sql,
  bucket: string,
  keys: [string, string],
): Promise<boolean> {
  const objects = await sql<{ size: string; etag: string }[]>`
    select coalesce(metadata ->> 'size', '') as size,
      coalesce(btrim(metadata ->> 'eTag', '"'), '') as etag
    from storage.objects where bucket_id = ${bucket} and name = any(${keys})`;
  const [one, other] = objects;
  if (!one || !other || one.size !== other.size) return false;
  return one.etag === other.etag || !isMd5(one.etag) || !isMd5(other.etag);
}

async function withPatience<T>(
  work: () => Promise<T>,
  { pauseMs = 500 }: Pick<ObjectMoveOptions, "pauseMs">,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "storage_unavailable") throw error;
      if (attempt === tries) throw storageAway(error);
      await new Promise((resolve) => setTimeout(resolve, pauseMs * 2 ** (attempt - 1)));
    }
  }
}

function storageAway(cause: AppError): LegacyError {
  return new LegacyError(
    "outage",
    "Supabase Storage does not answer: run the same command again, it goes on where it stopped",
    { cause },
  );
}

/** Objects that have to wait for others come with a later pass. */
async function readBatch(
  sql: postgres.Sql,
  { direction: { states, waitsFor }, batchSize = 200, after }: ObjectMoveOptions & {
    direction: Direction;
    after: Move | undefined;
  },
): Promise<Move[]> {
  const [theirs, ours] = waitsFor === "old_key"
    ? [sql`f.old_key`, sql`m.new_key`]
    : [sql`f.new_key`, sql`m.old_key`];
  return await sql<Move[]>`
    select m.bucket, m.old_key, m.new_key, m.state, exists (
      select from storage.objects as o
      where o.bucket_id = m.bucket and o.name in (m.old_key, m.new_key)) as stored
    from private.legacy_object_moves as m
    where m.state = any(${[...states]})
      and (m.bucket, m.old_key) > (${after?.bucket ?? ""}, ${after?.old_key ?? ""})
      and not exists (
        select from private.legacy_object_moves as f
        where f.bucket = m.bucket and ${theirs} = ${ours} and f.state = any(${[...states]}))
    order by m.bucket, m.old_key limit ${batchSize}`;
}

async function countMoves(sql: postgres.Sql, states: readonly string[]): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from private.legacy_object_moves
    where state = any(${[...states]})`;
  return row.count;
}

/** Objects that were missing and came since, by a load that went on. */
async function retryMissing(sql: postgres.Sql): Promise<void> {
  await sql`
    update private.legacy_object_moves as m set state = 'pending'
    where m.state = 'missing'
      and exists (
        select from storage.objects as o where o.bucket_id = m.bucket and o.name = m.old_key)
      and not exists (
        select from private.legacy_object_moves as f
        where f.bucket = m.bucket and f.new_key = m.old_key)`;
}

async function setState(
  sql: postgres.Sql,
  bucket: string,
  oldKeys: string[],
  state: "moved" | "missing",
): Promise<void> {
  await sql`
    update private.legacy_object_moves set state = ${state}, moved_at = now()
    where bucket = ${bucket} and old_key = any(${oldKeys})`;
}

function keysOf(moves: readonly Move[]): string[] {
  return moves.map((move) => move.old_key);
}

function describeConflicts(count: number): FailedObject[] {
  return count === 0 ? [] : [{ bucket: "*", key: `${count} objects`, reason: otherObject }];
}
