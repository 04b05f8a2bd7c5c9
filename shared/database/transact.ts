import type { TransactionSql } from "postgres";
import type { Connection, NumberTypes } from "./connection.ts";

/** One open transaction: a postgres.js tag. `bigint` and `numeric` arrive as numbers. */
export type Transaction = TransactionSql<NumberTypes>;

/** How a transaction begins and how long it may take. */
export interface TransactionOptions {
  /** First statement, sent together with the first statement of the work. */
  open(sql: Transaction): Promise<unknown>;
  /** Milliseconds after which the connection counts as lost: a silent network answers nothing. */
  deadline: number;
}

/** The connection broke under a transaction; whether it was committed is not known. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  readonly code = "CONNECTION_CLOSED";
}

/**
 * Runs `fn` in a transaction, its first statement in one go with the opening one. Both are waited
 * for even when the opening fails: a statement sent after the rollback would run outside the
 * transaction, as the project's own role.
 *
 * postgres.js 3.4.9 throws past every handler when it writes to a connection that has closed
 * (porsager/postgres#1208), which would end the whole process. So once the connection is lost no
 * statement is sent any more, not even the rollback, which the server does by itself.
 */
export async function transact<T>(
  connection: Connection,
  { open, deadline }: TransactionOptions,
  fn: (sql: Transaction) => Promise<T>,
): Promise<T> {
  const link = new Link(deadline);
  const outcome: { value?: T } = {};
  const transaction = connection.begin(async (sql) => {
    const guarded = guardTransaction(sql, () => link.isLost);
    const [opening, work] = await Promise.allSettled([open(guarded), invoke(fn, guarded)]);
    for (const result of [opening, work]) {
      if (result.status === "fulfilled") continue;
      if (isConnectionLoss(result.reason)) link.lose(result.reason);
      if (!link.isLost) throw result.reason;
    }
    if (link.isLost) await new Promise<never>(() => {});
    if (work.status === "fulfilled") outcome.value = work.value;
  });
  transaction.catch((error) => link.lose(error));
  try {
    await Promise.race([transaction, link.lost]);
  } finally {
    link.close();
  }
  return outcome.value as T;
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

/** Knows whether a transaction may still use its connection. */
class Link {
  /** Rejects when the connection is lost; never resolves. */
  readonly lost: Promise<never>;
  readonly #reject: (reason: unknown) => void;
  readonly #timer: ReturnType<typeof setTimeout>;
  #isLost = false;

  constructor(deadline: number) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.lost = promise;
    this.#reject = reject;
    this.#timer = setTimeout(
      () => this.lose(new ConnectionLost("The database did not answer in time")),
      deadline,
    );
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  lose(reason: unknown): void {
    this.#isLost = true;
    this.#reject(reason);
  }

  close(): void {
    this.#isLost = true;
    clearTimeout(this.#timer);
  }
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
