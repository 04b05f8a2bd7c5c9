import type { ErasureContext } from "../erasure/context.ts";
import { requestErasure, runErasure } from "../erasure/engine.ts";
import { keyedSubject } from "../erasure/receipts/subject.ts";
import { AppError } from "../errors/app-error.ts";
import { nameFailure } from "../errors/name-failure.ts";
import {
  claimDelivery,
  type Delivery,
  type DeliveryOutcome,
  finishDelivery,
  releaseDelivery,
} from "./deliveries.ts";
import { noteUpdate } from "./handle-event.ts";
import type { UserEvent } from "./schemas.ts";

/** How long a request may run an erasure, and another with the same webhook-id may wait for it. */
const answerMs = 20_000;

/** Longer than a request may run, so that no two processes share a delivery. */
const leaseSeconds = 60;

/** Pause between two looks at a delivery another process works on. */
const lookMs = 250;

/**
 * Does what a signed request asks for and gives its answer. The same webhook-id gets the same
 * answer and runs nothing twice, also when the requests come at the same time; a refused or failed
 * one is forgotten, so that the sender's retry runs.
 *
 * An erasure that takes longer than the answer may goes on with the next drain: the answer tells
 * how far it came.
 * @throws AppError user_not_found when nothing was ever known of the user, user_still_exists while
 * the account lives (nothing is erased in either case), idempotency_conflict when the webhook-id was
 * used for another user or type, delivery_in_progress when another process still works on it; what
 * the engine throws
 */
export async function receiveEvent(
  context: ErasureContext,
  event: UserEvent,
): Promise<DeliveryOutcome> {
  const subject = await keyedSubject(context.pseudonymKey, "user", event.userId);
  const delivery = { webhookId: event.id, type: event.type, subject };
  const claim = await claimOrWait(context, delivery);
  if ("outcome" in claim) return claim.outcome;
  const held = { webhookId: event.id, leaseId: claim.leaseId };
  try {
    const outcome = await answerEvent(context, event);
    await context.database.asService((sql) => finishDelivery(sql, { ...held, outcome }));
    return outcome;
  } catch (error) {
    await forget(context, held);
    throw error;
  }
}

async function claimOrWait(
  { database }: ErasureContext,
  delivery: Delivery,
): Promise<{ leaseId: string } | { outcome: DeliveryOutcome }> {
  const end = performance.now() + answerMs;
  do {
    const claim = await database.asService((sql) => claimDelivery(sql, delivery, leaseSeconds));
    if (claim.is === "claimed") return { leaseId: claim.leaseId };
    if (claim.is === "answered") return { outcome: claim.outcome };
    if (claim.is === "other") {
      throw new AppError(
        "idempotency_conflict",
        "This webhook-id was used for another event: send each event under an id of its own",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  } while (performance.now() < end);
  throw new AppError(
    "delivery_in_progress",
    "A request with this webhook-id is still being worked on: send it again in a minute",
    { headers: { "retry-after": String(leaseSeconds) } },
  );
}

async function answerEvent(
  context: ErasureContext,
  event: UserEvent,
): Promise<DeliveryOutcome> {
  switch (event.type) {
    case "user.deleted":
      return await eraseDeletedUser(context, event.userId);
    case "user.updated":
      if (!await noteUpdate(context, event)) throw unknownUser();
      return { erasureId: null, state: null };
  }
}

async function eraseDeletedUser(
  context: ErasureContext,
  userId: string,
): Promise<DeliveryOutcome> {
  const erasure = await requestErasure(context, { kind: "user", userId, origin: "webhook" });
  const { erasureId, state } = erasure;
  if (state !== "pending" && state !== "running") return { erasureId, state };
  const deadline = new Date(context.now().getTime() + answerMs);
  try {
    return { erasureId, state: (await runErasure(context, erasureId, deadline)).state };
  } catch (error) {
    // The job is on record and goes on by itself: to the sender the event is delivered.
    if (!isAway(error)) throw error;
    return { erasureId, state: "running" };
  }
}

function isAway(error: unknown): boolean {
  return error instanceof AppError &&
    (error.code === "storage_unavailable" || error.code === "auth_unavailable");
}

function unknownUser(): AppError {
  return new AppError("user_not_found", "Nothing is known of this user: check the user id");
}

/** Best effort: where the database is away too, the lease ends by itself. */
async function forget(
  { database, log }: ErasureContext,
  held: { webhookId: string; leaseId: string },
): Promise<void> {
  try {
    await database.asService((sql) => releaseDelivery(sql, held));
  } catch (error) {
    log({ level: "warn", event: "delivery_not_released", reason: nameFailure(error) });
  }
}
