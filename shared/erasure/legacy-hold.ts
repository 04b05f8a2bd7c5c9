import type { Transaction } from "../database/doors.ts";

/**
 * Whether users of the former system are not moved over yet. Rows are then keyed by ids that
 * Supabase Auth does not know: an erasure would find nothing and claim that nothing is left.
 * Needs the service door.
 */
export async function hasUnmovedUsers(sql: Transaction): Promise<boolean> {
  const [row] = await sql<{ tables: boolean }[]>`
    select to_regclass('public.users') is not null
      and not exists (select from private.legacy_removals) as tables`;
  if (!row?.tables) return false;
  const [users] = await sql<{ any: boolean }[]>`
    select exists (select from ${sql("public.users")}) as any`;
  return users?.any ?? false;
}
