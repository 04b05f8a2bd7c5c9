import { rollUpAnalytics } from "../analytics/roll-up.ts";
import { clearAuditAddresses } from "../audit/clear-addresses.ts";
import { createErasureContext, type ErasureContext } from "../erasure/context.ts";
import { type DueErasures, runDueErasures } from "../erasure/engine.ts";
import { countOrphansDaily } from "../erasure/orphans.ts";
import { repairReceiptCopies } from "../erasure/receipts/mod.ts";
import { nameFailure } from "../errors/name-failure.ts";
import type { DueExports } from "../export/run-exports.ts";
import type { Deps } from "../http/deps.ts";
import { sweepIndexing } from "../indexing/sweep-indexing.ts";
import { sweepLimits } from "../limits/sweep-limits.ts";
import { handleEvent } from "./handle-event.ts";
import { recordHeartbeat } from "./heartbeat.ts";
import { type ClaimedEvent, claimEvents, failEvent, finishEvent, purgeDelivered } from "./store.ts";

/** What draining works with: what the erasures need, and two settings of its own. */
export interface DrainContext extends ErasureContext {
  /** How often an event is tried. */
  readonly eventAttempts: number;
  /** Days for which analytics events stay beside their totals. */
  readonly analyticsDays: number;
  /** Days after which audit events lose address and user agent. */
  readonly auditAddressDays: number;
}

/** Counts of one pass over the outbox; `claimed` is `delivered` plus `failed`. */
export interface DeliveredEvents {
  claimed: number;
  delivered: number;
  failed: number;
}

/** What one drain did. */
export interface DrainResult extends DeliveredEvents {
  erasures: DueErasures;
  exports: DueExports;
}

/** Longer than an edge function may live (150 s), so that no two processes share an event. */
const leaseSeconds = 180;

/** No new work begins after it: the cron calls again every minute. */
const budgetMs = 45_000;

/** Younger receipts are about to be copied by the process that wrote them. */
const receiptAgeSeconds = 10;

/**
 * The drain's context of a deployment.
 * @throws EnvError as `createErasureContext` does
 */
export function createDrainContext(deps: Omit<Deps, "verifier" | "waitUntil">): DrainContext {
  const { eventAttempts, analyticsDays, auditAddressDays } = deps.env;
  return { ...createErasureContext(deps), eventAttempts, analyticsDays, auditAddressDays };
}

/**
 * Does all work that is due, within one time budget: the events of the outbox first, which open
 * erasures, then the erasures, the exports, and what is done once a day.
 * @throws AppError database_unavailable when what is due cannot be read; leases then run out and the
 * next drain goes on
 */
export async function drain(context: DrainContext): Promise<DrainResult> {
  const deadline = new Date(context.now().getTime() + budgetMs);
  const events = await drainEvents(context, deadline);
  const erasures = await runDueErasures(context, deadline);
  // Loaded when it is due: an archive takes a compressor along, and most requests bring one event.
  const { runDueExports } = await import("../export/run-exports.ts");
  const exports = await runDueExports(context, deadline);
  await runAside(
    context,
    "receipt_copies",
    () => repairReceiptCopies(context, { minAge: receiptAgeSeconds }),
  );
  await runAside(context, "indexing_sweep", () => sweepIndexing(context));
  await runAside(context, "analytics_roll_up", () => rollUpAnalytics(context, deadline));
  await runAside(context, "limits_sweep", () => sweepLimits(context.database));
  await runAside(context, "daily_work", () => doDailyWork(context));
  await runAside(context, "heartbeat", () => context.database.asService(recordHeartbeat));
  return { ...events, erasures, exports };
}

/** Whether a drain found nothing to do. */
export function isIdle({ claimed, erasures, exports }: DrainResult): boolean {
  return claimed + erasures.ran === 0 && Object.values(exports).every((count) => count === 0);
}

/** Does what is due once a day, if no process has done it today. */
export async function doDailyWork(context: DrainContext): Promise<void> {
  if (!await countOrphansDaily(context)) return;
  await runAside(context, "audit_addresses", () => clearAuditAddresses(context));
  await context.database.asService(purgeDelivered);
}

/** Work that must not keep the drain from its own: a failure is logged, the next drain tries again. */
async function runAside(
  context: DrainContext,
  work: string,
  fn: () => Promise<unknown>,
): Promise<void> {
  try {
    await fn();
  } catch (error) {
    context.log({ level: "error", event: `${work}_failed`, reason: nameFailure(error) });
  }
}

/**
 * Works off the due events of the outbox, one after the other, until none is left, `deadline` is
 * past or a part of the platform is away. A failed event goes back with backoff.
 * @throws AppError database_unavailable when the outbox itself cannot be read; leases then run out
 */
export async function drainEvents(
  context: DrainContext,
  deadline: Date,
): Promise<DeliveredEvents> {
  const result: DeliveredEvents = { claimed: 0, delivered: 0, failed: 0 };
  while (context.now() < deadline) {
    // One at a time: an event that ends its process must not use up the tries of others.
    const [claimed] = await context.database.asService((sql) =>
      claimEvents(sql, { limit: 1, leaseSeconds, maxAttempts: context.eventAttempts })
    );
    if (!claimed) break;
    const reason = await deliver(context, claimed);
    result.claimed += 1;
    result[reason === undefined ? "delivered" : "failed"] += 1;
    // The next event would only use up its tries against the same outage.
    if (reason?.endsWith("_unavailable")) break;
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
    const reason = nameFailure(error);
    const maxAttempts = context.eventAttempts;
    await context.database.asService((sql) => failEvent(sql, { rowId, reason, maxAttempts }));
    context.log({ level: "error", event: "event_failed", event_id: event.id, reason });
    return reason;
  }
  await context.database.asService((sql) => finishEvent(sql, rowId));
  return undefined;
}
