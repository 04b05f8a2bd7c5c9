import type { Transaction } from "../../database/doors.ts";
import { addCounts, isNothing, maxCounts, subtractCounts } from "../counts.ts";
import type { ObjectCount } from "../erasure.ts";
import { IncompleteErasureError } from "../errors.ts";
import { countScope } from "../rows.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";

/**
 * Counts again. Something was written while the erasure ran: back to collecting, with what is gone
 * so far written down. The account itself must be gone too.
 * @throws IncompleteErasureError when Supabase Auth still holds the user.
 */
export async function verifyErasure(run: ErasureRun): Promise<StepOutcome> {
  const { kind, erasureId, countsBefore: counted, erased: erasedSoFar } = run.job;
  return await run.page(async (sql, scope) => {
    if (kind === "user") await requireNoAccount(sql, scope.userId);
    const countsAfter = await countScope(sql, scope);
    const returned = await countReturned(sql, erasureId);
    const taken = {
      tables: erasedSoFar?.tables ?? {},
      buckets: await countRemoved(sql, erasureId),
    };
    // What came while the erasure ran was there too, although nobody had counted it.
    const countsBefore = maxCounts(addCounts(countsAfter, taken), counted);
    const erased = subtractCounts(countsBefore, countsAfter);
    const value: StepOutcome = isNothing(countsAfter) && returned === 0 ? "done" : "again";
    return { value, change: { countsBefore, countsAfter, erased } };
  });
}

async function requireNoAccount(sql: Transaction, userId: string): Promise<void> {
  await sql`select private.require_deleted_user(${userId})`;
  const [row] = await sql<{ found: boolean }[]>`
    select exists (select from auth.users where id = ${userId}) as found`;
  if (row?.found) throw new IncompleteErasureError("Supabase Auth still holds the user");
}

async function countRemoved(
  sql: Transaction,
  erasureId: string,
): Promise<Record<string, ObjectCount>> {
  const rows = await sql<(ObjectCount & { bucket: string })[]>`
    select bucket, count(*) as objects, sum(bytes)::bigint as bytes from private.erasure_objects
    where erasure_id = ${erasureId} and removed_at is not null group by bucket`;
  return Object.fromEntries(rows.map(({ bucket, objects, bytes }) => [bucket, { objects, bytes }]));
}

/** Objects that were said to be removed and are there; their keys wait once more. */
async function countReturned(sql: Transaction, erasureId: string): Promise<number> {
  const { count } = await sql`
    update private.erasure_objects as e set removed_at = null
    where e.erasure_id = ${erasureId} and e.removed_at is not null and exists (
      select from storage.objects as o where o.bucket_id = e.bucket and o.name = e.key)`;
  return count;
}
