import type { ErasureContext } from "../erasure/context.ts";
import { requestErasure } from "../erasure/engine.ts";
import { toHex } from "../erasure/receipts/canonical.ts";
import type { UserEvent } from "./schemas.ts";
import { recordUpdate } from "./store.ts";

/**
 * Does what an event of the outbox asks for. Idempotent, so that a redelivered event ends in the
 * same state. A deletion only opens the erasure or joins the open one: it is a job of its own with
 * its own tries, and the event is done once that job is on record.
 * @throws what `requestErasure` throws; the event is then to be delivered again
 */
export async function handleEvent(context: ErasureContext, event: UserEvent): Promise<void> {
  switch (event.type) {
    case "user.deleted":
      await requestErasure(context, { kind: "user", userId: event.userId, origin: "event" });
      return;
    case "user.updated":
      await noteUpdate(context, event);
      return;
  }
}

/**
 * Records a user.updated, see `recordUpdate`. Returns false when the user is gone by now.
 * @throws as the service door does
 */
export async function noteUpdate(
  context: Pick<ErasureContext, "database">,
  event: UserEvent,
): Promise<boolean> {
  const auditId = await toEventUuid(event.id);
  return await context.database.asService((sql) => recordUpdate(sql, event, auditId));
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A UUID that stays the same for the same event; a sender's webhook-id may have any form. */
async function toEventUuid(id: string): Promise<string> {
  if (uuidForm.test(id)) return id;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id));
  // Version 8 (RFC 9562): the other bits are the application's own.
  return toHex(new Uint8Array(digest))
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-8$3-8$4-$5");
}
