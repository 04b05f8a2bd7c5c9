import type { Transaction } from "../../database/doors.ts";
import { addCounts } from "../counts.ts";
import { readTables, takePage } from "../rows.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";

/** Deletes or anonymises the rows of every table in the manifest's order, page by page. */
export async function takeRows(run: ErasureRun): Promise<StepOutcome> {
  const rules = await run.page(async (sql, scope) => ({ value: await readTables(sql, scope) }));
  // Rows that follow others go with them.
  const own = rules.filter(({ follows }) => follows === undefined);
  for await (const { part } of run.partsFromCursor(own)) {
    for (let count = 1; count > 0;) {
      count = await run.page(async (sql, scope) => {
        const taken = await takePage(sql, part, scope);
        const erased = addCounts({ tables: { [part.name]: taken }, buckets: {} }, run.job.erased);
        return { value: taken, change: { cursor: { part: part.name }, erased } };
      });
    }
  }
  return await run.page(async (sql) => ({ value: await seeOrganizations(sql, run) }));
}

/** Somebody joined an organization that was to go: what was collected of it must not be removed. */
async function seeOrganizations(sql: Transaction, run: ErasureRun): Promise<StepOutcome> {
  const [row] = await sql<{ stays: boolean }[]>`
    select exists (
      select from public.organizations
      where organization_id = any(${[...run.job.organizations]}::uuid[])) as stays`;
  return row?.stays ? "again" : "done";
}
