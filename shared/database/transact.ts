import type { ISql, ReservedSql } from "postgres";
import type { NumberTypes } from "./connection.ts";
import { ConnectionLost, type Lane } from "./lane.ts";

/** One open transaction: a postgres.js tag. `bigint` and `numeric` arrive as numbers. */
export type Transaction = ISql<NumberTypes>;

/** How a transaction begins and how long it may take. */
export interface TransactionOptions {
  /** First statement, without parameters: it is sent in one message with BEGIN. */
  opening: string;
  /**
   * Whether what the opening statement wrote stays when the work fails; the work itself is always
   * undone.
   */
  keepsOpening?: boolean;
  /** Told the row of the opening statement before the work's result is waited for. */
  onOpened?: (row: Record<string, unknown>) => void;
  /** Milliseconds after which the connection counts as lost: a silent network answers nothing. */
  deadline: number;
}

/**
 * Runs `fn` in a transaction on a lane: BEGIN, the opening statement and the first statement of
 * `fn` in one go, COMMIT after the last, two round trips for work of one statement. When the
 * opening statement raises, the server executes nothing that was sent with it; both are waited for,
 * because a statement sent after the rollback would run outside the transaction, as the project's
 * own role.
 *
 * postgres.js 3.4.9 throws past every handler when it writes to a connection that has closed
 * (porsager/postgres#1208), which would end the whole process. So once the connection is lost no
 * statement is sent any more, not even the rollback, which the server does by itself.
 * @throws ConnectionLost or what the driver says of a lost connection: then `lane.isLost`
 */
export async function transact<T>(
  lane: Lane,
  options: TransactionOptions,
  fn: (sql: Transaction) => Promise<T>,
): Promise<T> {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lane.onLost = reject;
  const timer = setTimeout(
    () => lane.lose(new ConnectionLost("The database did not answer in time")),
    options.deadline,
  );
  try {
    const running = runOn(lane, options, fn);
    running.catch(() => {});
    return await Promise.race([running, lost]);
  } finally {
    lane.onLost = null;
    clearTimeout(timer);
  }
}

async function runOn<T>(
  lane: Lane,
  { opening, keepsOpening = false, onOpened }: TransactionOptions,
  fn: (sql: Transaction) => Promise<T>,
): Promise<T> {
  const sql = await lane.connect();
  let isOver = false;
  const guarded = guardTransaction<Transaction>(sql, () => isOver || lane.isLost);
  const begin = `begin; ${opening}${keepsOpening ? "; savepoint work" : ""}`;
  const [opened, work] = await Promise.allSettled([
    send(lane, sql, begin).then(([, rows]) => onOpened?.(rows?.[0] ?? {})),
    invoke(fn, guarded),
  ]);
  isOver = true;
  if (opened.status === "rejected") {
    await undo(lane, sql, "rollback");
    throw opened.reason;
  }
  if (work.status === "rejected") {
    if (isConnectionLoss(work.reason)) lane.lose(work.reason);
    await undo(lane, sql, keepsOpening ? "rollback to savepoint work; commit" : "rollback");
    throw work.reason;
  }
  const [committed] = await send(lane, sql, "commit");
  if (committed?.command !== "COMMIT") {
    throw new Error("A statement of the transaction failed unnoticed, so nothing of it was kept");
  }
  return work.value;
}

type StatementResult = Record<string, unknown>[] & { command?: string };

/** Statements without parameters, in one message. One result for each of them. */
async function send(
  lane: Lane,
  sql: ReservedSql<NumberTypes>,
  text: string,
): Promise<StatementResult[]> {
  if (lane.isLost) throw new ConnectionLost("The connection to the database was closed");
  try {
    const results: unknown = await sql.unsafe(text).execute();
    const isMany = Array.isArray(results) && Array.isArray(results[0]);
    return (isMany ? results : [results]) as StatementResult[];
  } catch (error) {
    if (isConnectionLoss(error)) lane.lose(error);
    throw error;
  }
}

/** After a lost connection there is nothing to undo: the server does it by itself. */
async function undo(lane: Lane, sql: ReservedSql<NumberTypes>, ending: string): Promise<void> {
  if (!lane.isLost) await send(lane, sql, ending);
}

/** Whether an error says that the connection is gone, not only that a statement failed. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const severity: unknown = Reflect.get(error, "severity");
  if (severity === "FATAL" || severity === "PANIC") return true;
  const code: unknown = Reflect.get(error, "code");
  return severity === undefined && typeof code === "string" && connectionCodes.has(code);
}

/** Codes of the driver and of the network; a server's error has a severity and a SQLSTATE. */
export const connectionCodes: ReadonlySet<string> = new Set([
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Runs at once, so that the first statement follows the opening one without a pause. */
async function invoke<T>(fn: (sql: Transaction) => Promise<T>, sql: Transaction): Promise<T> {
  return await fn(sql);
}

/** The same tag of a transaction, refusing to send once `isLost` says that its connection is gone. */
export function guardTransaction<S extends CallableFunction>(sql: S, isLost: () => boolean): S {
  const assertOpen = () => {
    if (isLost()) throw new ConnectionLost("The transaction is over");
  };
  return new Proxy(sql, {
    apply(target, self, args) {
      assertOpen();
      return Reflect.apply(target, self, args);
    },
    get(target, name) {
      assertOpen();
      return Reflect.get(target, name);
    },
  });
}
