import type postgres from "postgres";
import { guardTransaction, isConnectionLoss } from "../../database/transact.ts";

/** A statement of the legacy database failed; told apart from one of the project's. */
export class SourceReadError extends Error {
  override name = "SourceReadError";

  constructor(override readonly cause: unknown) {
    super(cause instanceof Error ? cause.message : "The rows cannot be read");
  }
}

/** Marks what fails as a failure of the legacy database. */
export async function readSource<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof SourceReadError ? error : new SourceReadError(error);
  }
}

/**
 * Runs `fn` in a transaction of the project's database that may last for hours.
 *
 * postgres.js 3.4.9 throws past every handler when it writes to a connection that has closed
 * (porsager/postgres#1208), which would end the whole process. So once the connection is lost nothing
 * is sent any more, not even the rollback, which the server does by itself.
 */
export function inTransaction<T>(
  sql: postgres.Sql,
  fn: (sql: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  return transact(sql, "", isConnectionLoss, fn);
}

/**
 * The same in the legacy database, where nothing can be written and all tables are as they were when
 * the first of them was read. Statements in it stand in {@link readSource}.
 */
export function inSnapshot<T>(
  sql: postgres.Sql,
  fn: (sql: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const isLoss = (error: unknown) =>
    error instanceof SourceReadError && isConnectionLoss(error.cause);
  return transact(sql, "isolation level repeatable read read only", isLoss, fn);
}

/** @param isLoss whether an error says that this very connection is gone */
async function transact<T>(
  sql: postgres.Sql,
  mode: string,
  isLoss: (error: unknown) => boolean,
  fn: (sql: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  let isLost = false;
  const lose = (error: unknown) => {
    isLost = true;
    lost.reject(error);
  };
  const outcome: { value?: T } = {};
  const ended = Promise.withResolvers<void>();
  const transaction = sql.begin(mode, async (inside) => {
    try {
      outcome.value = await fn(guardTransaction(inside, () => isLost));
    } catch (error) {
      if (!isLost && !isLoss(error)) throw error;
      lose(error);
    } finally {
      ended.resolve();
    }
    if (isLost) await new Promise<never>(() => {});
  });
  transaction.catch(lose);
  try {
    await Promise.race([transaction, lost.promise]);
  } catch (error) {
    // What it began in the other database must not go on behind the back of the next run.
    if (isLost) await Promise.race([ended.promise, afterwards()]);
    throw error;
  }
  return outcome.value as T;
}

const graceMs = 5_000;

function afterwards(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, graceMs);
    if (typeof timer !== "number") timer.unref();
  });
}
