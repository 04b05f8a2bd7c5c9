import type postgres from "postgres";
import { LegacyError } from "../errors.ts";
import { inTransaction } from "../load/in-transaction.ts";

/**
 * Runs `fn` in a transaction that takes as long as it needs, but waits ten seconds at most for a
 * table that somebody else uses.
 * @throws LegacyError refused when it waited in vain; nothing was changed then
 */
export async function inLockingTransaction<T>(
  sql: postgres.Sql,
  fn: (tx: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  try {
    return await inTransaction(sql, async (tx) => {
      await tx`
        select set_config('statement_timeout', '0', true), set_config('lock_timeout', '10s', true)`;
      return await fn(tx);
    });
  } catch (error) {
    if (!(error instanceof Error) || !lockFailures.has(Reflect.get(error, "code"))) throw error;
    throw new LegacyError(
      "refused",
      "The tables are in use by a long transaction: stop the applications that write to them, and " +
        "run this again",
      { cause: error },
    );
  }
}

/** lock_not_available, deadlock_detected. */
const lockFailures = new Set<unknown>(["55P03", "40P01"]);
