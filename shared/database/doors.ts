import type { VerifiedToken } from "../auth/verify-token.ts";
import type { Env } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { type Connection, openConnection } from "./connection.ts";
import { toDatabaseError } from "./sql-errors.ts";
import {
  isConnectionLoss,
  transact,
  type Transaction,
  type TransactionOptions,
} from "./transact.ts";

export type { Transaction } from "./transact.ts";

/** The two ways into the database. Both open one transaction and keep it as short as `fn`. */
export interface Database {
  /**
   * Runs `fn` as role `authenticated` with the caller's claims, so that RLS and `auth.uid()` hold.
   * Asks in the same round trip whether the session still lives. Never await the network in `fn`.
   * At most 20 s, a statement at most 10 s.
   * @throws AppError session_revoked (401) when the session ended or the user was banned, deleted or
   * is being erased: nothing `fn` did is kept; refusals of database functions; database_unavailable
   */
  asUser<T>(verified: VerifiedToken, fn: (sql: Transaction) => Promise<T>): Promise<T>;
  /**
   * Runs `fn` as the project's own role, past RLS. Only in the places docs/security.md lists.
   * At most 60 s, a statement at most 30 s.
   * @throws AppError refusals of database functions; database_unavailable (503)
   */
  asService<T>(fn: (sql: Transaction) => Promise<T>): Promise<T>;
  /** Ends the pool; for tests and local tools. */
  close(): Promise<void>;
}

/** Opens the doors of a deployment; nothing connects before the first transaction. */
export function createDatabase(env: Env): Database {
  let connection: Connection | undefined;
  async function run<T>(
    options: TransactionOptions,
    fn: (sql: Transaction) => Promise<T>,
  ): Promise<T> {
    const used = connection ??= openConnection(env.databaseUrl);
    try {
      return await transact(used, options, fn);
    } catch (error) {
      if (isConnectionLoss(error) && connection === used) {
        connection = undefined;
        retire(used);
      }
      throw toDatabaseError(error);
    }
  }
  return {
    asUser: (verified, fn) =>
      run({ open: (sql) => openAsUser(sql, verified), deadline: 20_000 }, fn),
    asService: (fn) => run({ open: openAsService, deadline: 60_000 }, fn),
    close: async () => {
      await connection?.end({ timeout: 2 });
      connection = undefined;
    },
  };
}

/**
 * A connection that closed with a write pending never sends again: postgres.js 3.4.9 keeps the
 * pending mark and the half-sent bytes, and every later use of that slot runs into its connect
 * timeout. The next request gets a new pool instead; work under way here may finish.
 */
function retire(connection: Connection): void {
  connection.end({ timeout: 60 }).catch(() => {});
}

/**
 * Bitmap scans are off: a policy repeats the owner that a list asks for, so the planner expects a
 * row or two and would collect the whole library of a heavy user, through a GIN index even, only to
 * sort it. Without them it walks the index that has the order of the list. What an index needs lies
 * in memory or on a disk without a head, so that a random page costs little more than the next.
 */
async function openAsUser(sql: Transaction, { user, claims }: VerifiedToken): Promise<void> {
  const [row] = await sql<{ state: string }[]>`
    select private.session_state(${user.supabaseUserId}::uuid, ${user.sessionId}::uuid) as state,
      set_config('role', 'authenticated', true),
      set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
      set_config('enable_bitmapscan', 'off', true),
      set_config('random_page_cost', '1.1', true),
      set_config('statement_timeout', '10s', true),
      set_config('idle_in_transaction_session_timeout', '10s', true)`;
  if (row?.state !== "live") {
    throw new AppError("session_revoked", "The session has ended, sign in again");
  }
}

async function openAsService(sql: Transaction): Promise<void> {
  await sql`
    select set_config('statement_timeout', '30s', true),
      set_config('idle_in_transaction_session_timeout', '10s', true)`;
}
