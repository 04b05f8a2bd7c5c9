import type postgres from "postgres";
import type { LegacySource } from "../source.ts";
import { LegacyError } from "../errors.ts";
import { removalVersion } from "../rollback/restore-users-tables.ts";
import { moveObjects, type ObjectMoveContext, type ObjectReport } from "../objects/move-objects.ts";
import { buildOwnerIndexes, estimateFill, fillOwners, type FillReport } from "./fill-owners.ts";
import { withMoveLock } from "./lock.ts";
import { checkDecided, checkLoaded, checkVerified, refuse } from "./preflight.ts";
import { type ReleasedErasures, releaseHeldErasures } from "./release-held.ts";
import { readMoveState } from "./state.ts";

/** What the cutover works with. */
export interface CutoverContext extends ObjectMoveContext {
  source: LegacySource;
  /** Erasures an hour that begin without an operator. */
  erasuresPerHour: number;
  now(): Date;
}

/** The parts of a cutover, in their order. */
export type CutoverPhase = "fill" | "indexes" | "push" | "objects";

/** How a cutover runs. */
export interface CutoverOptions {
  /** Runs `supabase db push`. What it throws ends the cutover. */
  push(): Promise<void>;
  /** Rows of one batch of the fill; default 2000. */
  batchRows?: number | undefined;
  /** Copies of objects at once; default 8. */
  concurrency?: number | undefined;
  onProgress?: ((phase: CutoverPhase, done: number, total: number) => void) | undefined;
}

/** What a cutover came to. */
export interface CutoverReport {
  /** Whether this run removed the users tables; false when an earlier one had. */
  removed: boolean;
  /** Legacy users whose rows have their new owner. */
  users: number;
  /** Absent when the users tables were gone before. */
  fill?: FillReport;
  objects: ObjectReport;
  erasures: ReleasedErasures;
}

/**
 * Takes a project over from its legacy users to Supabase Auth: fills the new owners in batches while
 * the legacy application goes on, pushes the removal of the users tables, moves the objects whose
 * keys carry a legacy id, and lets the erasures begin that were held for it. Each part goes on where
 * a killed run stopped, also when the removal was pushed alone.
 * @throws LegacyError refused before anything is changed, when the move is not verified, something
 * was written or is undecided, or another process is at work; outage when Storage stays away
 */
export async function cutOver(
  ctx: CutoverContext,
  options: CutoverOptions,
): Promise<CutoverReport> {
  return await withMoveLock(ctx.sql, async () => {
    const before = await readMoveState(ctx.sql);
    if (before.purgedAt) throw refuse("it was done before, and the archive is purged");
    const fill = before.removed ? undefined : await removeUsersTables(ctx, options);
    const state = before.removed ? before : await readMoveState(ctx.sql);
    const { concurrency, onProgress } = options;
    const objects = await moveObjects(ctx, {
      concurrency,
      onProgress: (done, total) => onProgress?.("objects", done, total),
    });
    const erasures = await releaseHeldErasures(ctx.sql, {
      erasuresPerHour: ctx.erasuresPerHour,
      now: ctx.now(),
    });
    return {
      removed: !before.removed,
      users: state.usersRemoved,
      ...(fill ? { fill } : {}),
      objects,
      erasures,
    };
  });
}

/** Fills and pushes; nothing comes back when the push of a killed run got there first. */
async function removeUsersTables(
  ctx: CutoverContext,
  options: CutoverOptions,
): Promise<FillReport | undefined> {
  try {
    const fill = await fillAndPush(ctx, options);
    if (!(await readMoveState(ctx.sql)).removed) throw unremoved();
    return fill;
  } catch (error) {
    if ((await readMoveState(ctx.sql)).removed) return undefined;
    throw error;
  }
}

async function fillAndPush(
  { sql, source }: CutoverContext,
  { push, batchRows = 2000, onProgress }: CutoverOptions,
): Promise<FillReport> {
  await checkLoaded({ sql, source });
  await checkVerified(sql);
  await checkDecided(sql);
  const total = await estimateFill(sql);
  const fill = await fillOwners(sql, {
    batchRows,
    onProgress: (done) => onProgress?.("fill", done, total),
  });
  onProgress?.("indexes", 0, 1);
  await withoutTimeout(sql, buildOwnerIndexes);
  onProgress?.("push", 0, 1);
  await push();
  return fill;
}

/** Runs `fn` on one connection that may take its time: an index of a large table does. */
async function withoutTimeout(
  sql: postgres.Sql,
  fn: (session: postgres.Sql) => Promise<void>,
): Promise<void> {
  const session = await sql.reserve();
  try {
    await session`set statement_timeout = 0`;
    await fn(session);
    await session`reset statement_timeout`;
  } finally {
    session.release();
  }
}

function unremoved(): LegacyError {
  return new LegacyError(
    "refused",
    "The push went through, but the users tables are still there: the migration that removes them " +
      `is marked as applied. Run "supabase migration repair --status reverted ${removalVersion}", ` +
      "then run this again",
  );
}
