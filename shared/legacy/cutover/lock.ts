import type postgres from "postgres";
import { isConnectionLoss } from "../../database/transact.ts";
import { LegacyError } from "../errors.ts";

/** What cutover, rollback and purge hold against each other. */
const lockName = "heimdex:legacy";

/** A process that was killed leaves its lock to the server, which notices within this time. */
const patienceMs = 15_000;
const pauseMs = 250;

/**
 * Runs `fn` while no other process moves, rolls back or purges this project. The lock is one of the
 * session, so the connection must not lead through a transaction pooler; it takes one of the pool's.
 * @throws LegacyError refused when another process holds it
 */
export async function withMoveLock<T>(sql: postgres.Sql, fn: () => Promise<T>): Promise<T> {
  const session = await sql.reserve();
  try {
    await takeLock(session);
    const result = await fn();
    await session`select pg_advisory_unlock_all()`;
    return result;
  } catch (error) {
    // postgres.js 3.4.9 throws past every handler when it writes to a connection that has closed.
    if (!isConnectionLoss(error)) await session`select pg_advisory_unlock_all()`;
    throw error;
  } finally {
    session.release();
  }
}

async function takeLock(session: postgres.ReservedSql): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const [row] = await session<{ taken: boolean }[]>`
      select pg_try_advisory_lock(hashtextextended(${lockName}, 0)) as taken`;
    if (row?.taken) return;
    if (performance.now() > end) {
      throw new LegacyError(
        "refused",
        "Another heimdex legacy command is at work on this project: let it end and run this again",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
