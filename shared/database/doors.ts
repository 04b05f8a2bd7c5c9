import type { VerifiedToken } from "../auth/verify-token.ts";
import type { Env } from "../env.ts";
import { type LimitCharge, type LimitState, userLimits } from "../limits/limits.ts";
import { limitRefused, readLimitState } from "../limits/limit-answers.ts";
import { defaultPoolLimits, LanePool, type PoolLimits } from "./lane-pool.ts";
import { openLane } from "./lane.ts";
import { quoteLiteral } from "./quote-literal.ts";
import { toDatabaseError } from "./sql-errors.ts";
import { transact, type Transaction, type TransactionOptions } from "./transact.ts";

export type { Transaction } from "./transact.ts";

/** What a transaction of a user may be asked besides the session. */
export interface UserTransactionOptions {
  /** Counts the request; what it took stays taken when `fn` fails. */
  limit?: LimitCharge;
  /** Told where the limit stands. */
  onLimit?: (state: LimitState) => void;
}

/** The two ways into the database. Both open one transaction and keep it as short as `fn`. */
export interface Database {
  /**
   * Runs `fn` as role `authenticated` with the caller's claims, so that RLS and `auth.uid()` hold.
   * Asks in the same round trip whether the session still lives and whether the request is within
   * its limit; otherwise nothing `fn` sends is executed. Never await the network in `fn`.
   * At most 20 s, a statement at most 10 s.
   * @throws AppError session_revoked (401) when the session ended or the user was banned, deleted or
   * is being erased; rate_limited (429, Retry-After); refusals of database functions;
   * database_unavailable (503, Retry-After), also when too many requests wait for a connection
   */
  asUser<T>(
    verified: VerifiedToken,
    fn: (sql: Transaction) => Promise<T>,
    options?: UserTransactionOptions,
  ): Promise<T>;
  /**
   * Runs `fn` as the project's own role, past RLS. Only in the places docs/security.md lists.
   * At most 60 s, a statement at most 30 s.
   * @throws AppError refusals of database functions; database_unavailable (503)
   */
  asService<T>(fn: (sql: Transaction) => Promise<T>): Promise<T>;
  /** Ends the pool; for tests and local tools. */
  close(): Promise<void>;
}

/**
 * Opens the doors of a deployment; nothing connects before the first transaction.
 * @param limits of the pool, where they differ from {@link defaultPoolLimits}
 */
export function createDatabase(env: Env, limits: Partial<PoolLimits> = {}): Database {
  const pool = new LanePool(() => openLane(env.databaseUrl), { ...defaultPoolLimits, ...limits });
  async function run<T>(
    { queue, ...options }: TransactionOptions & { queue?: string },
    fn: (sql: Transaction) => Promise<T>,
  ): Promise<T> {
    const lane = await pool.acquire(queue);
    try {
      return await transact(lane, options, fn);
    } catch (error) {
      throw toDatabaseError(error);
    } finally {
      pool.release(lane);
    }
  }
  return {
    asUser: async (verified, fn, { limit, onLimit } = {}) => {
      const options: TransactionOptions = {
        opening: openAsUser(verified, limit),
        keepsOpening: limit !== undefined,
        deadline: 20_000,
      };
      if (!limit) return await run(options, fn);
      try {
        const onOpened = ({ limit_state: state }: Record<string, unknown>) =>
          onLimit?.(readLimitState(limit.resource, state));
        // The counter is locked until the work is committed.
        const queue = `${limit.resource} ${verified.user.supabaseUserId}`;
        return await run({ ...options, queue, onOpened }, fn);
      } catch (error) {
        throw limitRefused(limit.resource, error);
      }
    },
    asService: (fn) => run({ opening: openAsService, deadline: 60_000 }, fn),
    close: () => pool.close(),
  };
}

/**
 * Bitmap scans are off: a policy repeats the owner that a list asks for, so the planner expects a
 * row or two and would collect the whole library of a heavy user, through a GIN index even, only to
 * sort it. Without them it walks the index that has the order of the list. What an index needs lies
 * in memory or on a disk without a head, so that a random page costs little more than the next.
 */
function openAsUser({ user, claims }: VerifiedToken, limit: LimitCharge | undefined): string {
  const [id, session] = [quoteLiteral(user.supabaseUserId), quoteLiteral(user.sessionId)];
  const charge = limit ? `${quoteLiteral(chargeOf(limit))}::jsonb` : "null";
  return `select private.open_request(${id}::uuid, ${session}::uuid, ${charge}) as limit_state,
    set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', ${quoteLiteral(claimsFor(claims))}, true),
    set_config('enable_bitmapscan', 'off', true),
    set_config('random_page_cost', '1.1', true),
    set_config('statement_timeout', '10s', true),
    set_config('idle_in_transaction_session_timeout', '10s', true)`;
}

const claimNames = [
  "aal",
  "amr",
  "app_metadata",
  "aud",
  "exp",
  "iat",
  "is_anonymous",
  "iss",
  "role",
  "session_id",
  "sub",
] as const;

/**
 * What SQL may ask of the caller. Without addresses and names: the server's log quotes a statement
 * that raises.
 */
function claimsFor(claims: VerifiedToken["claims"]): string {
  return JSON.stringify(Object.fromEntries(claimNames.map((name) => [name, claims[name]])));
}

/** As private.open_request takes it. */
function chargeOf({ resource }: LimitCharge): string {
  const { windowSeconds: window_seconds, max, reads, bySession: by_session } = userLimits[resource];
  return JSON.stringify({ resource, window_seconds, max, reads, by_session });
}

const openAsService = `select set_config('statement_timeout', '30s', true),
  set_config('idle_in_transaction_session_timeout', '10s', true)`;
