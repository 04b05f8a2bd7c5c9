import type postgres from "postgres";
import { LegacyError } from "../errors.ts";

/** What load, cutover, rollback and purge hold against each other and against exports. */
const lockName = "heimdex:legacy";

/** A process that was killed leaves its lock to the server, which notices within this time. */
const patienceMs = 15_000;
const pauseMs = 250;

/**
 * Runs `fn` while no other process loads, exports, moves, rolls back or purges this project. The lock
 * is one of the session, so the connection must not lead through a transaction pooler; it takes one
 * of the pool's, on which no transaction is open meanwhile.
 * @throws LegacyError refused when another process holds it
 */
export function withMoveLock<T>(sql: postgres.Sql, fn: () => Promise<T>): Promise<T> {
  return withLock(sql, sql`pg_try_advisory_lock`, fn);
}

/**
 * The same for work that may run beside others of its kind, but beside nothing that moves rows.
 * @throws LegacyError refused when a process holds it for itself
 */
export function withSharedMoveLock<T>(sql: postgres.Sql, fn: () => Promise<T>): Promise<T> {
  return withLock(sql, sql`pg_try_advisory_lock_shared`, fn);
}

async function withLock<T>(
  sql: postgres.Sql,
  tryLock: postgres.PendingQuery<postgres.Row[]>,
  fn: () => Promise<T>,
): Promise<T> {
  const session = await sql.reserve();
  try {
    const pid = await takeLock(session, tryLock);
    try {
      return await fn();
    } finally {
      await freeLock(sql, session, pid);
    }
  } finally {
    session.release();
  }
}

/**
 * postgres.js 3.4.9 throws past every handler when it writes to a connection that has closed: another
 * one tells whether this one lives. One that does not has lost its lock by itself.
 */
async function freeLock(
  sql: postgres.Sql,
  session: postgres.ReservedSql,
  pid: number,
): Promise<void> {
  const backends = await sql`select from pg_stat_activity where pid = ${pid}`.catch(() => []);
  if (backends.length > 0) await session`select pg_advisory_unlock_all()`;
}

/** Answers the process id of the session's backend. */
async function takeLock(
  session: postgres.ReservedSql,
  tryLock: postgres.PendingQuery<postgres.Row[]>,
): Promise<number> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const [row] = await session<[{ taken: boolean; pid: number }]>`
      select ${tryLock}(hashtextextended(${lockName}, 0)) as taken, pg_backend_pid() as pid`;
    if (row.taken) return row.pid;
    if (performance.now() > end) {
      throw new LegacyError(
        "refused",
        "Another heimdex legacy command is at work on this project: let it end and run this again",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
