import { eraseUser, type ErasureContext } from "../erasure/erase-user.ts";
import type { UserEvent } from "./schemas.ts";

/** What came of an event: the user is erased, or there was nothing to do but take note. */
export type EventOutcome = "erased" | "acknowledged";

/**
 * Does what an event asks for, whether a signed request or the outbox brought it. Idempotent, so
 * that a redelivered event ends in the same state.
 * @throws what `eraseUser` throws; the event is then not done and is to be delivered again.
 */
export async function handleEvent(
  context: ErasureContext,
  event: UserEvent,
): Promise<EventOutcome> {
  switch (event.type) {
    case "user.deleted":
      await eraseUser(context, event.userId);
      return "erased";
    case "user.updated":
      return "acknowledged";
  }
}
