import type { Database } from "../database/doors.ts";

/** Rows of one statement, so that none holds locks for long. */
const batch = 5000;
/** Statements of one sweep; what is left waits for the next drain. */
const mostBatches = 20;

/**
 * Deletes counters whose window is over: without it a client that changes its address with every
 * request would fill the table.
 * @throws AppError database_unavailable
 */
export async function sweepLimits(database: Pick<Database, "asService">): Promise<void> {
  for (let i = 0; i < mostBatches; i++) {
    const [row] = await database.asService((sql) =>
      sql<[{ swept: number }]>`select private.sweep_rate_limits(${batch}) as swept`
    );
    if (row.swept < batch) return;
  }
}
