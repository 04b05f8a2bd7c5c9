import type { ErasureContext } from "../erasure/erase-user.ts";
import { AppError } from "../errors/app-error.ts";
import { handleEvent } from "./handle-event.ts";
import { type ClaimedEvent, claimEvent, failEvent, finishEvent } from "./store.ts";

/** What draining works with, besides the erasure's own needs. */
export interface DrainContext extends ErasureContext {
  now(): Date;
  log(line: Record<string, unknown>): void;
}

/** Counts of one drain; `claimed` is `delivered` plus `failed`. */
export interface DrainResult {
  claimed: number;
  delivered: number;
  failed: number;
}

/** Longer than an edge function may live (150 s), so that no two processes share an event. */
const leaseSeconds = 180;

/** No new event is taken after it: the cron calls again every minute. */
const budgetMs = 45_000;

/**
 * Works off the due events of the outbox until none is left, the time budget is used up or a part
 * of the platform is away. A failed event goes back with backoff. Events are taken one at a time, so
 * that one whose work outlives the process never holds up others under its lease.
 * @throws AppError database_unavailable when the outbox itself cannot be read; leases then run out.
 */
export async function drainEvents(context: DrainContext): Promise<DrainResult> {
  const deadline = context.now().getTime() + budgetMs;
  const result: DrainResult = { claimed: 0, delivered: 0, failed: 0 };
  while (context.now().getTime() < deadline) {
    const claimed = await context.database.asService((sql) => claimEvent(sql, leaseSeconds));
    if (!claimed) break;
    const failure = await deliver(context, claimed);
    result.claimed += 1;
    if (failure === undefined) result.delivered += 1;
    else result.failed += 1;
    // The next event would only use up one of its tries against the same outage.
    if (failure?.endsWith("_unavailable")) break;
  }
  return result;
}

/** Delivers one event; gives the reason of a failure, or undefined. */
async function deliver(
  context: DrainContext,
  { rowId, event }: ClaimedEvent,
): Promise<string | undefined> {
  try {
    await handleEvent(context, event);
  } catch (error) {
    const reason = describeFailure(error);
    await context.database.asService((sql) => failEvent(sql, rowId, reason));
    context.log({ level: "error", event: "event_failed", event_id: event.id, reason });
    return reason;
  }
  await context.database.asService((sql) => finishEvent(sql, rowId));
  return undefined;
}

// Messages of the database and of Storage may quote keys and ids; a code or a name never does.
function describeFailure(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? error.name : "unknown";
}
