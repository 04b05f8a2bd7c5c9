import type { Transaction } from "../database/doors.ts";
import { changesSchema, type UserEvent, type UserEventType } from "./schemas.ts";

/** An event of the outbox while this process holds its lease. */
export interface ClaimedEvent {
  /** Row of `private.auth_events`. */
  readonly rowId: number;
  readonly event: UserEvent;
}

/**
 * Takes due events off the outbox, oldest first, so that no other process works on them. An event
 * that was tried `maxAttempts` times becomes a dead letter instead.
 * Shape: at most `limit`; the lease ends after `leaseSeconds` and the event is due again.
 * Needs the service door.
 */
export async function claimEvents(
  sql: Transaction,
  o: { limit: number; leaseSeconds: number; maxAttempts: number },
): Promise<ClaimedEvent[]> {
  const rows = await sql<
    { id: number; event_id: string; type: UserEventType; user_id: string; payload: unknown }[]
  >`
    select id, event_id, type, user_id, payload
    from private.claim_auth_events(${o.limit}, ${o.leaseSeconds}, ${o.maxAttempts}) order by id
  `;
  return rows.map(({ id, event_id, type, user_id, payload }) => {
    const { changed = [], onboarded = false } = changesSchema.safeParse(payload).data ?? {};
    return { rowId: id, event: { id: event_id, type, userId: user_id, changed, onboarded } };
  });
}

/** Marks a claimed event as delivered. Needs the service door. */
export async function finishEvent(sql: Transaction, rowId: number): Promise<void> {
  await sql`select private.finish_auth_event(${rowId})`;
}

/**
 * Gives a claimed event back with a later due time, or to the dead letters after `maxAttempts` tries.
 * Shape: `reason` is an error code or an error's name, never a text that could hold personal data.
 * Needs the service door.
 */
export async function failEvent(
  sql: Transaction,
  o: { rowId: number; reason: string; maxAttempts: number },
): Promise<void> {
  await sql`select private.fail_auth_event(${o.rowId}, ${o.reason}, ${o.maxAttempts})`;
}

/**
 * Writes the audit entry of a changed user and, when the onboarding was completed, the analytics
 * event `onboarded`, which a user has once. Idempotent by the id of the event.
 * Returns false, with nothing written, when the user is gone or is being erased: a late event must
 * leave no row behind the erasure.
 * Needs the service door.
 */
export async function recordUpdate(
  sql: Transaction,
  event: UserEvent,
  auditId: string,
): Promise<boolean> {
  const [user] = await sql`
    select from auth.users as u
    where u.id = ${event.userId} and u.deleted_at is null
      and not exists (select from private.erased_users as e where e.user_id = u.id)
  `;
  if (!user) return false;
  await sql`
    insert into public.audit_events (event_id, user_id, event_type, metadata)
    values (${auditId}, ${event.userId}, ${event.type},
      ${sql.json({ changed: [...event.changed], webhook_id: event.id })})
    on conflict (event_id) do nothing
  `;
  if (event.onboarded) {
    await sql`
      insert into public.user_analytics (user_id, event_type) values (${event.userId}, 'onboarded')
      on conflict (user_id) where event_type = 'onboarded' do nothing
    `;
  }
  return true;
}

/** Days after which the outbox forgets what was delivered, and a webhook-id may be used again. */
const retentionDays = 30;

/** Rows a purge deletes at a time. */
const purgeLimit = 10_000;

/** Deletes delivered events and answered deliveries past their days. Needs the service door. */
export async function purgeDelivered(sql: Transaction): Promise<void> {
  await sql`
    delete from private.auth_events where id in (
      select id from private.auth_events
      where delivered_at < now() - make_interval(days => ${retentionDays}) order by id
      limit ${purgeLimit})
  `;
  await sql`
    delete from private.webhook_deliveries where webhook_id in (
      select webhook_id from private.webhook_deliveries
      where received_at < now() - make_interval(days => ${retentionDays}) order by received_at
      limit ${purgeLimit})
  `;
}
