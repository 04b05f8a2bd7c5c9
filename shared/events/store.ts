import type { Transaction } from "../database/doors.ts";
import type { UserEvent, UserEventType } from "./schemas.ts";

/** An event of the outbox while this process holds its lease. */
export interface ClaimedEvent {
  /** Row of `private.auth_events`. */
  readonly rowId: number;
  readonly event: UserEvent;
}

/**
 * Takes the oldest due event off the outbox, so that no other process works on it.
 * Shape: undefined when none is due; the lease ends after `leaseSeconds` and the event is due again.
 * Needs the service door.
 */
export async function claimEvent(
  sql: Transaction,
  leaseSeconds: number,
): Promise<ClaimedEvent | undefined> {
  const [row] = await sql<
    { id: number; event_id: string; type: UserEventType; user_id: string }[]
  >`
    select id, event_id, type, user_id from private.claim_auth_events(1, ${leaseSeconds})
  `;
  return row && {
    rowId: row.id,
    event: { id: row.event_id, type: row.type, userId: row.user_id },
  };
}

/** Marks a claimed event as delivered. Needs the service door. */
export async function finishEvent(sql: Transaction, rowId: number): Promise<void> {
  await sql`select private.finish_auth_event(${rowId})`;
}

/**
 * Gives a claimed event back with a later due time, or to the dead letters after too many tries.
 * Shape: `reason` is an error code or an error's name, never a text that could hold personal data.
 * Needs the service door.
 */
export async function failEvent(sql: Transaction, rowId: number, reason: string): Promise<void> {
  await sql`select private.fail_auth_event(${rowId}, ${reason})`;
}
