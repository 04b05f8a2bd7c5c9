import { type AuthClients, callAuth } from "../auth/clients.ts";
import { AppError } from "../errors/app-error.ts";
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
 * @throws AppError user_not_found when the user was deleted meanwhile; auth_unavailable (503)
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
  await callAuth(admin.updateUserById(userId, { app_metadata: change })).catch((error) => {
    throw isEnded(error) ? new AppError("user_not_found", "The user was deleted meanwhile") : error;
  });
  return true;
}

/** What Supabase Auth says of a user it does not know, in words for the user itself. */
function isEnded(error: unknown): boolean {
  return error instanceof AppError && error.code === "session_revoked";
}
