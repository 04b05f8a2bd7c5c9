import type { Database } from "../database/doors.ts";

/** Rows of one statement, so that none holds locks for long. */
const batch = 5000;
/** Statements of one sweep: half a million events a day, within the life of an edge function. */
const mostBatches = 100;

/** What clearing works with. */
export interface ClearContext {
  readonly database: Pick<Database, "asService">;
  /** Days after which audit events lose address and user agent. */
  readonly auditAddressDays: number;
  log(line: Record<string, unknown>): void;
}

/**
 * Takes address and user agent from audit events past their days; the events stay. Each batch is a
 * transaction of its own, so what was cleared stays so when a later one fails. Where more is due
 * than one sweep takes, a log line says so and the next day's sweep goes on.
 * Returns how many events were cleared.
 * @throws AppError database_unavailable, or forbidden for less than 30 days
 */
export async function clearAuditAddresses(context: ClearContext): Promise<number> {
  const { database, auditAddressDays } = context;
  let total = 0;
  for (let i = 0; i < mostBatches; i++) {
    const [row] = await database.asService((sql) =>
      sql<[{ cleared: number }]>`
        select private.clear_audit_addresses(${auditAddressDays}, ${batch}) as cleared`
    );
    total += row.cleared;
    if (row.cleared < batch) return total;
  }
  context.log({ level: "warn", event: "audit_addresses_left", cleared: total });
  return total;
}
