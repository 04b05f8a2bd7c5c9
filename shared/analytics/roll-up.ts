import type { Database } from "../database/doors.ts";

/** What the roll-up works with. */
export interface RollUpContext {
  readonly database: Pick<Database, "asService">;
  /** Days for which events stay beside their totals. */
  readonly analyticsDays: number;
  now(): Date;
}

/** What one roll-up did: events counted into the daily totals, and events swept past their days. */
export interface RollUpResult {
  counted: number;
  swept: number;
}

/** Events of one transaction: a few milliseconds each hundred. */
const pageSize = 5_000;

/**
 * Counts new events into `private.analytics_daily` and deletes counted ones past their days, page by
 * page until nothing is left or `deadline` is past. Killed anywhere, the next run gives the same
 * figures: an event is marked in the transaction that counts it.
 * @throws AppError database_unavailable; pages done so far stay done
 */
export async function rollUpAnalytics(
  { database, analyticsDays, now }: RollUpContext,
  deadline: Date,
): Promise<RollUpResult> {
  const counted = await inPages(now, deadline, async () => {
    const [row] = await database.asService((sql) =>
      sql<[{ rows: number }]>`select private.roll_up_analytics(${pageSize}) as rows`
    );
    return row.rows;
  });
  const swept = await inPages(now, deadline, async () => {
    const [row] = await database.asService((sql) =>
      sql<[{ rows: number }]>`select private.sweep_analytics(${analyticsDays}, ${pageSize}) as rows`
    );
    return row.rows;
  });
  return { counted, swept };
}

/** Runs one page at least, and goes on while pages are full. */
async function inPages(
  now: () => Date,
  deadline: Date,
  page: () => Promise<number>,
): Promise<number> {
  let total = 0;
  for (;;) {
    const rows = await page();
    total += rows;
    if (rows < pageSize || now() >= deadline) return total;
  }
}
