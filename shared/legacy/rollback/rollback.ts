import type postgres from "postgres";
import { inLockingTransaction } from "../cutover/locked.ts";
import { withMoveLock } from "../cutover/lock.ts";
import { type MoveState, readMoveState } from "../cutover/state.ts";
import { LegacyError } from "../errors.ts";
import {
  moveObjectsBack,
  type ObjectMoveContext,
  type ObjectReport,
} from "../objects/move-objects.ts";
import {
  assertDeletedErased,
  assertNoErasures,
  assertOwnersAlive,
  assertVersion,
} from "./preflight.ts";
import { restoreArchive } from "./restore-archive.ts";
import { type AddedUsers, addNewUsers, restoreOwners } from "./restore-owners.ts";
import { type RestoredTables, restoreUsersTables } from "./restore-users-tables.ts";

/** How a rollback runs. */
export interface RollbackOptions {
  /** Versions of the migrations this rollback knows: those of the project's own folder. */
  knownVersions: readonly string[];
  /** Copies of objects at once; default 8. */
  concurrency?: number | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a rollback came to. */
export interface RollbackReport {
  /** `filled`: the users tables stood still; `removed`: they were put back. */
  from: "filled" | "removed";
  /** Accounts in Supabase Auth that legacy users have; a rollback leaves them. */
  accounts: number;
  /** Absent when the users tables stood still. */
  objects?: ObjectReport;
  users?: AddedUsers;
  tables?: RestoredTables;
}

/**
 * Gives the project back to the legacy application, from whatever state the move is in: before the
 * removal what was prepared is taken away; after it objects, owners and users tables are put back,
 * everybody who registered since gets a users row, and who was erased stays erased. The accounts in
 * Supabase Auth and the map of ids stay, so that the move can be done again.
 * Objects come first and are taken up again by a later run; all rows change in one transaction, which
 * locks the tables.
 * @throws LegacyError refused before anything is changed: after a purge, while erasures run, at an
 * unknown migration, when another process is at work; outage when Storage stays away
 */
export async function rollBack(
  ctx: ObjectMoveContext,
  options: RollbackOptions,
): Promise<RollbackReport> {
  const { sql } = ctx;
  return await withMoveLock(sql, async () => {
    const state = await readMoveState(sql);
    assertReversible(state);
    await assertVersion(sql, options.knownVersions);
    const accounts = await countAccounts(sql);
    if (!state.removed && await discard(sql)) return { from: "filled", accounts };
    await assertNoErasures(sql);
    await assertDeletedErased(sql);
    const objects = await bringObjectsBack(ctx, options);
    const rows = await putBackRows(sql);
    return { from: "removed", accounts, objects, ...rows };
  });
}

function assertReversible({ removed, archived, purgedAt }: MoveState): void {
  if (purgedAt) {
    throw new LegacyError(
      "refused",
      `The archive was purged at ${purgedAt.toISOString()}: there is no way back. Nothing was changed`,
    );
  }
  if (removed && !archived) {
    throw new LegacyError(
      "refused",
      "This project never had legacy users: there is nothing to roll back. Nothing was changed",
    );
  }
}

/** False when the push of a killed cutover removed the tables just now. */
async function discard(sql: postgres.Sql): Promise<boolean> {
  try {
    await inLockingTransaction(sql, async (tx) => {
      await tx`select private.discard_legacy_owners()`;
      await forgetVerification(tx);
    });
    return true;
  } catch (error) {
    if ((await readMoveState(sql)).removed) return false;
    throw error;
  }
}

async function bringObjectsBack(
  ctx: ObjectMoveContext,
  { concurrency, onProgress }: RollbackOptions,
): Promise<ObjectReport> {
  const report = await moveObjectsBack(ctx, { concurrency, onProgress });
  const [first] = report.failed;
  if (!first) return report;
  throw new LegacyError(
    "refused",
    `${report.failed.length} objects could not be moved back, such as ${first.key} in bucket ` +
      `${first.bucket} (${first.reason}): the users tables were not touched. Run this again`,
  );
}

async function putBackRows(
  sql: postgres.Sql,
): Promise<{ users: AddedUsers; tables: RestoredTables }> {
  return await inLockingTransaction(sql, async (tx) => {
    await openTransaction(tx);
    await assertNoErasures(tx);
    await assertDeletedErased(tx);
    const users = await addNewUsers(tx);
    await assertOwnersAlive(tx);
    await restoreOwners(tx);
    const tables = await restoreUsersTables(tx);
    await restoreArchive(tx);
    await forgetVerification(tx);
    return { users, tables };
  });
}

/** Else the next push of any migration would cut over again: nothing was written since. */
async function forgetVerification(tx: postgres.TransactionSql): Promise<void> {
  await tx`update private.legacy_exports set verified_at = null where verified_at is not null`;
}

/**
 * Takes the lock of erasure requests first: one that waits here finds the users tables back and is
 * held. Times and owners of child rows are written as they are.
 */
async function openTransaction(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    select set_config('heimdex.keep_updated_at', 'on', true),
      set_config('heimdex.owner_by_pages', 'on', true),
      set_config('heimdex.audit_move', 'on', true),
      pg_advisory_xact_lock(hashtextextended('heimdex:request_erasure', 0))`;
  await tx`
    lock table public.videos, public.face_profiles, public.audit_events, public.rate_limits,
      public.scenes in access exclusive mode`;
}

async function countAccounts(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from private.legacy_exports as e
    where exists (select from auth.users as u where u.id = e.supabase_user_id)`;
  return row.count;
}
