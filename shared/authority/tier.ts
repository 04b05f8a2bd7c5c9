import { operatorActivity, recordActivity } from "../audit/mod.ts";
import type { AuthClients } from "../auth/clients.ts";
import { type Tier, tiers } from "../auth/tiers.ts";
import type { Database } from "../database/doors.ts";
import { findAccount } from "./accounts.ts";
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
 * @throws AppError user_not_found, auth_unavailable
 */
export async function setTier(
  { database, auth }: AuthorityContext,
  who: string,
  to: Tier,
): Promise<TierChange> {
  const account = await database.asService((sql) => findAccount(sql, who));
  const { userId, email, appMetadata } = account;
  const from = tiers.find((tier) => tier === appMetadata["tier"]) ?? "free";
  // Without the key a user is free already.
  const present = { userId, appMetadata: { tier: "free", ...appMetadata } };
  const isChanged = await writeAuthority(auth, present, { tier: to });
  if (isChanged) {
    const activity = { type: "tier.changed", resource: "user", resourceId: userId } as const;
    await database.asService((sql) =>
      recordActivity(sql, [operatorActivity({ ...activity, userId })])
    );
  }
  return { userId, email, from, to, isChanged };
}
