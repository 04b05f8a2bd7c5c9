import type { Transaction } from "../database/doors.ts";
import type { ObjectKey } from "../storage/remove-objects.ts";

/** Rows per table, named `schema.table`. */
export type RowCounts = Record<string, number>;

/**
 * True when the database has ever heard of this user: an account, an event, a tombstone.
 * Rows and objects without any of these are found by `countRows` and `readObjectKeys`.
 * Needs the service door.
 */
export async function isUserOnRecord(sql: Transaction, userId: string): Promise<boolean> {
  const [row] = await sql<{ known: boolean }[]>`
    select exists (select from auth.users where id = ${userId})
        or exists (select from private.auth_events where user_id = ${userId})
        or exists (select from private.erased_users where user_id = ${userId}) as known
  `;
  return row?.known ?? false;
}

/**
 * Writes the tombstone, which ends every session of the user at the doors, and opens the erasure.
 * Idempotent. Needs the service door.
 * @throws AppError user_still_exists while the account lives and is not soft-deleted.
 */
export async function beginErasure(sql: Transaction, userId: string): Promise<void> {
  await sql`select private.begin_erasure(${userId})`;
}

/**
 * One page of the user's stored objects in every bucket: those recorded in tables, those under the
 * user's prefixes and those the user owns. What an organization keeps is left out.
 * Shape: at most `limit` keys in the order of bucket and key, after `after`.
 * Needs the service door.
 */
export async function readObjectKeys(
  sql: Transaction,
  userId: string,
  o: { limit: number; after?: ObjectKey | undefined },
): Promise<ObjectKey[]> {
  const after = o.after ? sql`where (bucket, key) > (${o.after.bucket}, ${o.after.key})` : sql``;
  return await sql<ObjectKey[]>`
    select bucket, key from private.user_object_keys(${userId}) ${after}
    order by bucket, key limit ${o.limit}
  `;
}

/** Deletes or anonymises every row of the user. Idempotent. Needs the service door. */
export async function eraseRows(sql: Transaction, userId: string): Promise<RowCounts> {
  const [row] = await sql<{ counts: RowCounts }[]>`
    select private.erase_user_rows(${userId}) as counts
  `;
  return row?.counts ?? {};
}

/** Rows that still belong to the user. Needs the service door. */
export async function countRows(sql: Transaction, userId: string): Promise<RowCounts> {
  const [row] = await sql<{ counts: RowCounts }[]>`
    select private.count_user_rows(${userId}) as counts
  `;
  return row?.counts ?? {};
}

/** Closes the erasure after its verification. Idempotent. Needs the service door. */
export async function finishErasure(sql: Transaction, userId: string): Promise<void> {
  await sql`select private.finish_erasure(${userId})`;
}
