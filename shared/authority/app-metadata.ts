import { type AuthClients, callAuth } from "../auth/clients.ts";
import type { Account } from "./accounts.ts";

/** Keys of `app_metadata` that decide what a user may do; null takes a key away. */
export interface AuthorityChange {
  tier?: string;
  organization_id?: string | null;
  role?: string | null;
}

/**
 * Writes keys of `app_metadata` through the Admin API, which merges them key by key. Nothing is
 * sent when they stand there already, so it may be repeated.
 * Answers whether something changed.
 * @throws AppError auth_unavailable (503)
 */
export async function writeAuthority(
  auth: Pick<AuthClients, "admin">,
  { userId, appMetadata }: Pick<Account, "userId" | "appMetadata">,
  change: AuthorityChange,
): Promise<boolean> {
  const differs = Object.entries(change)
    .some(([key, value]) => (appMetadata[key] ?? null) !== value);
  if (!differs) return false;
  const { auth: { admin } } = await auth.admin();
  await callAuth(admin.updateUserById(userId, { app_metadata: change }));
  return true;
}
