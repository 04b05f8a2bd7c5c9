import { operatorActivity, recordActivity } from "../audit/mod.ts";
import type { AuthClients } from "../auth/clients.ts";
import { type Tier, tiers } from "../auth/tiers.ts";
import type { Database, Transaction } from "../database/doors.ts";
import { type Account, findAccount } from "./accounts.ts";
import { writeAuthority } from "./app-metadata.ts";

/** What changes of authority need. */
export interface AuthorityContext {
  database: Database;
  auth: Pick<AuthClients, "admin">;
}

/** A tier that was set; `isChanged` is false when it stood already. */
export interface TierChange {
  userId: string;
  email: string;
  from: Tier;
  to: Tier;
  isChanged: boolean;
}

/**
 * Sets the tier of the user with this UUID or address. Limits that read the tier in the database
 * follow at once, those that read the token at its next refresh. May be repeated.
 *
 * The trail is told before Supabase Auth is asked and after it did it. Given again after a stop
 * between the two, it completes the trail.
 * @throws AppError user_not_found, auth_unavailable
 */
export async function setTier(
  { database, auth }: AuthorityContext,
  who: string,
  to: Tier,
): Promise<TierChange> {
  const { account, isChanged, isOpen } = await database.asService(async (sql) => {
    const account = await findAccount(sql, who);
    // Without the key a user is free already.
    const isChanged = (account.appMetadata["tier"] ?? "free") !== to;
    if (isChanged) await record(sql, "tier.change_requested", account, to);
    return { account, isChanged, isOpen: await isLeftOpen(sql, account, to) };
  });
  if (isChanged) await writeAuthority(auth, account, { tier: to });
  if (isOpen) await database.asService((sql) => record(sql, "tier.changed", account, to));
  const { userId, email, appMetadata } = account;
  const from = tiers.find((tier) => tier === appMetadata["tier"]) ?? "free";
  return { userId, email, from, to, isChanged };
}

const asAsked = (to: Tier) => `tier set ${to}`;

async function record(
  sql: Transaction,
  type: "tier.change_requested" | "tier.changed",
  { userId }: Account,
  to: Tier,
): Promise<void> {
  const about = { resource: "user", resourceId: userId, userId } as const;
  await recordActivity(sql, [operatorActivity({ ...about, type, route: asAsked(to) })]);
}

/** Whether the last the trail says of the user's tier is that this one was asked for. */
async function isLeftOpen(sql: Transaction, { userId }: Account, to: Tier): Promise<boolean> {
  const [last] = await sql<{ type: string; asked: string | null }[]>`
    select event_type as type, metadata ->> 'route' as asked from public.audit_events
    where user_id = ${userId} and event_type in ('tier.change_requested', 'tier.changed')
    order by created_at desc limit 1`;
  return last?.type === "tier.change_requested" && last.asked === asAsked(to);
}
