import type { ErasureContext } from "../erasure/erase-user.ts";
import { AppError } from "../errors/app-error.ts";
import { handleEvent } from "./handle-event.ts";
import { type ClaimedEvent, claimEvents, failEvent, finishEvent } from "./store.ts";

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

/** Events taken at a time: few, so that a process that dies holds up little. */
const batchSize = 10;

/** Longer than an edge function may live (150 s), so that no two processes share an event. */
const leaseSeconds = 180;

/** No new batch begins after it: the cron calls again every minute. */
const budgetMs = 45_000;

/**
 * Works off the due events of the outbox, one after the other, until none is left, the time budget
 * is used up or a part of the platform is away. A failed event goes back with backoff.
 * Throws: AppError database_unavailable when the outbox itself cannot be read; leases then run out.
 */
export async function drainEvents(context: DrainContext): Promise<DrainResult> {
  const deadline = context.now().getTime() + budgetMs;
  const result: DrainResult = { claimed: 0, delivered: 0, failed: 0 };
  while (context.now().getTime() < deadline) {
    const batch = await context.database.asService((sql) =>
      claimEvents(sql, { limit: batchSize, leaseSeconds })
    );
    const reasons: (string | undefined)[] = [];
    for (const claimed of batch) reasons.push(await deliver(context, claimed));
    result.claimed += batch.length;
    result.delivered += reasons.filter((reason) => reason === undefined).length;
    result.failed += reasons.filter((reason) => reason !== undefined).length;
    // The next batch would only use up the tries of its events against the same outage.
    if (batch.length < batchSize || reasons.some((r) => r?.endsWith("_unavailable"))) break;
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
