import * as z from "zod";
import { later } from "../later.ts";
import type { Transaction } from "../database/doors.ts";
import type { ErasureState } from "../erasure/erasure.ts";
import type { UserEventType } from "./schemas.ts";

/** The answer to a signed request. Both members are null when nothing is to be erased. */
export interface DeliveryOutcome {
  readonly erasureId: string | null;
  /** Where the erasure stood when the request was first answered. */
  readonly state: ErasureState | null;
}

/** What is known of a webhook-id when a request with it arrives. */
export type DeliveryClaim =
  | { readonly is: "claimed"; readonly leaseId: string }
  | { readonly is: "answered"; readonly outcome: DeliveryOutcome }
  | { readonly is: "busy" }
  | { readonly is: "other" };

/** One signed request: its webhook-id and what it is about. */
export interface Delivery {
  readonly webhookId: string;
  readonly type: UserEventType;
  /** The keyed pseudonym of the user. */
  readonly subject: string;
}

const outcomeSchema = later(() =>
  z.object({ erasure_id: z.guid().nullable(), state: z.string().nullable() })
);

/**
 * Takes a webhook-id for this process, or tells what came of it before. `busy`: another process
 * works on it; `other`: the id was used for another user or type.
 * Shape: the lease ends after `leaseSeconds`. Needs the service door.
 */
export async function claimDelivery(
  sql: Transaction,
  delivery: Delivery,
  leaseSeconds: number,
): Promise<DeliveryClaim> {
  const leaseId = crypto.randomUUID();
  const { webhookId, type, subject } = delivery;
  const [claimed] = await sql`
    insert into private.webhook_deliveries as d (webhook_id, type, subject, lease_id, leased_until)
    values (${webhookId}, ${type}, ${subject}, ${leaseId},
      now() + make_interval(secs => ${leaseSeconds}))
    on conflict (webhook_id) do update
      set lease_id = excluded.lease_id, leased_until = excluded.leased_until
      where d.outcome is null and d.leased_until <= now()
        and d.type = excluded.type and d.subject = excluded.subject
    returning webhook_id
  `;
  return claimed ? { is: "claimed", leaseId } : await readDelivery(sql, delivery);
}

async function readDelivery(sql: Transaction, delivery: Delivery): Promise<DeliveryClaim> {
  const [row] = await sql<{ type: string; subject: string; outcome: unknown }[]>`
    select type, subject, outcome from private.webhook_deliveries
    where webhook_id = ${delivery.webhookId}
  `;
  if (!row) return { is: "busy" };
  if (row.type !== delivery.type || row.subject !== delivery.subject) return { is: "other" };
  if (row.outcome === null) return { is: "busy" };
  const { erasure_id: erasureId, state } = outcomeSchema.parse(row.outcome);
  return { is: "answered", outcome: { erasureId, state: state as ErasureState | null } };
}

/** Keeps the answer for every request with the same webhook-id. Needs the service door. */
export async function finishDelivery(
  sql: Transaction,
  o: { webhookId: string; leaseId: string; outcome: DeliveryOutcome },
): Promise<void> {
  const outcome = { erasure_id: o.outcome.erasureId, state: o.outcome.state };
  await sql`
    update private.webhook_deliveries
    set outcome = ${sql.json(outcome)}, lease_id = null, leased_until = null
    where webhook_id = ${o.webhookId} and lease_id = ${o.leaseId}
  `;
}

/** Forgets a webhook-id whose work failed, so that the sender's retry runs. Needs the service door. */
export async function releaseDelivery(
  sql: Transaction,
  o: { webhookId: string; leaseId: string },
): Promise<void> {
  await sql`
    delete from private.webhook_deliveries
    where webhook_id = ${o.webhookId} and lease_id = ${o.leaseId} and outcome is null
  `;
}
