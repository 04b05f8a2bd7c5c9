import type { Transaction } from "../database/doors.ts";
import type { Activity, ActivityType, Actor, Resource } from "./activities.ts";

/** Characters of a User-Agent header that are kept; the column holds no more. */
const userAgentLength = 512;

/**
 * Writes activities into the audit trail and the statistics, in one statement. Needs the service
 * door, or a connection as the owner of the schema.
 *
 * Users who are gone or being erased are left unnamed, so it may be called at any time. An activity
 * with an `eventId` is written once, however often it is given.
 */
export async function recordActivity(
  sql: Transaction,
  activities: readonly Activity[],
): Promise<void> {
  if (activities.length === 0) return;
  const rows = JSON.stringify(activities.map(toRow));
  await sql`select private.record_activity(${rows}::text::jsonb)`;
}

function toRow(activity: Activity): Record<string, unknown> {
  const { type, userId, actor, outcome, code, resource, resourceId, route, counted } = activity;
  return {
    event_id: activity.eventId,
    user_id: userId,
    event_type: type,
    ip_address: activity.clientIp,
    user_agent: activity.userAgent && toStorable(activity.userAgent),
    metadata: {
      request_id: activity.requestId,
      actor,
      outcome,
      code,
      resource,
      resource_id: resourceId,
      route,
      repeats: activity.repeats,
    },
    counted: counted?.type,
    counted_data: counted?.data,
  };
}

/** A header may hold any byte above 31. */
function toStorable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, userAgentLength);
}

/** What is said of something that no request did. */
export interface Unattended {
  type: ActivityType;
  /** Whom it is about. */
  userId: string | null;
  resource: Resource;
  /** UUID. */
  resourceId: string;
  /** What was asked for, where the type does not say it. */
  route?: string;
}

/** What an operator did with the command line. */
export function operatorActivity(o: Unattended): Activity {
  return toActivity(o, "operator");
}

/** What the drain did by itself. */
export function cronActivity(o: Unattended): Activity {
  return toActivity(o, "cron");
}

function toActivity(o: Unattended, actor: Actor): Activity {
  return {
    ...o,
    actor,
    outcome: "ok",
    requestId: crypto.randomUUID(),
    clientIp: null,
    userAgent: null,
  };
}
