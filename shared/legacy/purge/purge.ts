import type postgres from "postgres";
import { inLockingTransaction } from "../cutover/locked.ts";
import { withMoveLock } from "../cutover/lock.ts";
import { dropStage } from "../load/stage.ts";
import { type MoveState, readMoveState } from "../cutover/state.ts";
import { LegacyError } from "../errors.ts";
import { countObjectsToMove } from "../objects/move-objects.ts";

/** What a purge deleted. */
export interface PurgeReport {
  /** When it was done; an earlier time when an earlier run did it. */
  purgedAt: Date;
  /** Tables of `legacy_archive` that were dropped, in their order. */
  dropped: string[];
}

/** What a purge would delete. */
export interface PurgePreview {
  users: number;
  tables: string[];
}

/** Everything that is remembered of the move but that it took place. */
const legacyTables = [
  "legacy_exports",
  "legacy_failures",
  "legacy_decisions",
  "legacy_verifications",
  "legacy_fills",
  "legacy_object_moves",
  "legacy_objects",
  "legacy_loads",
  "legacy_loaded_rows",
  "legacy_renames",
] as const;

/**
 * Deletes the archive of the legacy system and every trace of the move but `legacy_removals`: the
 * old tables, password hashes and the map of ids. There is no rollback afterwards. In one
 * transaction; a second run changes nothing.
 * @throws LegacyError refused before the cutover, while objects still lie under their old keys, and
 * while somebody holds the tables
 */
export async function purge(sql: postgres.Sql): Promise<PurgeReport> {
  return await withMoveLock(sql, async () => {
    const state = await assertPurgeable(sql);
    if (state.purgedAt) return { purgedAt: state.purgedAt, dropped: [] };
    await dropStage(sql);
    // The archive refers to scenes: to wait for that table would make its readers wait as well.
    return await inLockingTransaction(sql, dropArchive);
  });
}

/**
 * What `purge` would delete; changes nothing.
 * @throws LegacyError refused before the cutover and after a purge
 */
export async function previewPurge(sql: postgres.Sql): Promise<PurgePreview> {
  const { removed, usersRemoved, purgedAt } = await readMoveState(sql);
  if (!removed) throw tooEarly();
  return { users: purgedAt ? 0 : usersRemoved, tables: await listArchive(sql) };
}

async function assertPurgeable(sql: postgres.Sql): Promise<MoveState> {
  const state = await readMoveState(sql);
  if (!state.removed) throw tooEarly();
  if (state.purgedAt) return state;
  const objects = await countObjectsToMove(sql);
  if (objects > 0) {
    throw new LegacyError(
      "refused",
      `${objects} objects still lie under keys of legacy users: run "heimdex legacy cutover" until ` +
        "none is left. Nothing was purged",
    );
  }
  return state;
}

function tooEarly(): LegacyError {
  return new LegacyError(
    "refused",
    "The users tables were not removed yet: there is no archive to purge. Nothing was changed",
  );
}

async function dropArchive(tx: postgres.TransactionSql): Promise<PurgeReport> {
  const dropped = await listArchive(tx);
  for (const table of dropped) await tx`drop table ${tx(`legacy_archive.${table}`)}`;
  await tx`drop type if exists legacy_archive.user_tier`;
  await tx`drop schema if exists legacy_archive`;
  for (const table of legacyTables) await tx`truncate ${tx(`private.${table}`)}`;
  const [row] = await tx<[{ purged_at: Date }]>`
    update private.legacy_removals set purged_at = now() returning purged_at`;
  return { purgedAt: row.purged_at, dropped };
}

/** Tables that others refer to come last: nothing is dropped by cascade. */
async function listArchive(sql: postgres.ISql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_class as c
    where c.relnamespace = to_regnamespace('legacy_archive') and c.relkind = 'r'
    order by exists (
      select from pg_constraint as k where k.contype = 'f' and k.confrelid = c.oid
        and k.conrelid <> c.oid), c.relname`;
  return rows.map(({ name }) => name);
}
