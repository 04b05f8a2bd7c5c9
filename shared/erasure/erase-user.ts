import type { Database } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import { type ObjectStore, removeChunkSize } from "../storage/object-store.ts";
import { type ObjectKey, removeObjects } from "../storage/remove-objects.ts";
import {
  beginErasure,
  countRows,
  eraseRows,
  finishErasure,
  isUserOnRecord,
  readObjectKeys,
  type RowCounts,
} from "./store.ts";

/** What an erasure works with: the service door and the object store. */
export interface ErasureContext {
  readonly database: Pick<Database, "asService">;
  readonly objects: Pick<ObjectStore, "remove">;
}

/** What one run of `eraseUser` took away; a second run finds nothing left and says zero. */
export interface ErasureResult {
  readonly userId: string;
  /** Rows per table erased or anonymised by this run. */
  readonly rows: RowCounts;
  /** Stored objects this run removed. */
  readonly objects: number;
}

/**
 * Erases everything of a user who is gone: tombstone, stored objects, rows, verification.
 *
 * Every step is idempotent and no transaction stays open across a call to Storage, so a run that
 * was stopped anywhere is completed by another one.
 * Shape: `userId` is a UUID in lower case.
 * @throws AppError user_not_found when nothing was ever known of this user, user_still_exists while
 * the account lives and is not soft-deleted (nothing is erased in either case),
 * storage_unavailable and database_unavailable when a retry can complete the run;
 * IncompleteErasureError when something of the user was written while the erasure ran.
 */
export async function eraseUser(context: ErasureContext, userId: string): Promise<ErasureResult> {
  const { database } = context;
  if (!await isKnown(context, userId)) {
    throw new AppError("user_not_found", "Nothing is stored of this user: check the user id");
  }
  await database.asService((sql) => beginErasure(sql, userId));
  const before = await removeUserObjects(context, userId);
  const rows = await database.asService((sql) => eraseRows(sql, userId));
  // An upload under way is stored only now, and no row names it any more.
  const after = await removeUserObjects(context, userId);
  await verifyErasure(context, userId);
  await database.asService((sql) => finishErasure(sql, userId));
  return { userId, rows, objects: before + after };
}

async function isKnown({ database }: ErasureContext, userId: string): Promise<boolean> {
  return await database.asService(async (sql) => {
    if (await isUserOnRecord(sql, userId)) return true;
    if (sumRows(await countRows(sql, userId)) > 0) return true;
    return (await readObjectKeys(sql, userId, { limit: 1 })).length > 0;
  });
}

/** Removes page by page, so that neither a transaction nor a request grows with the library. */
async function removeUserObjects(context: ErasureContext, userId: string): Promise<number> {
  const { database, objects } = context;
  let removed = 0;
  let after: ObjectKey | undefined;
  do {
    const page = await database.asService((sql) =>
      readObjectKeys(sql, userId, { limit: removeChunkSize, after })
    );
    await removeObjects(objects, page);
    removed += page.length;
    after = page.length < removeChunkSize ? undefined : page.at(-1);
  } while (after);
  return removed;
}

async function verifyErasure({ database }: ErasureContext, userId: string): Promise<void> {
  const { rows, keys } = await database.asService(async (sql) => ({
    rows: await countRows(sql, userId),
    keys: await readObjectKeys(sql, userId, { limit: 1 }),
  }));
  if (sumRows(rows) > 0 || keys.length > 0) {
    throw new IncompleteErasureError(
      "Rows or objects of the user were written while the erasure ran",
    );
  }
}

/** The erasure ran to its end and something is left; another run takes it. */
export class IncompleteErasureError extends Error {
  override readonly name = "IncompleteErasureError";
}

function sumRows(counts: RowCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
