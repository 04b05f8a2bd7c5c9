import type { User } from "@supabase/supabase-js";
import type { Database } from "../database/doors.ts";
import type { AuthClients } from "./clients.ts";
import { assertWithinBudget, mergeMetadata, type Metadata } from "./metadata.ts";
import { type ChangedProfile, toFreshProfile } from "./profile.ts";
import type { VerifiedToken } from "./verify-token.ts";

/** A consent given or withdrawn, and the version of the text the user saw. */
export interface ConsentChange {
  kind: "email" | "face";
  granted: boolean;
  textVersion: string;
}

/** The consent texts in force; a request may name an older one that its client showed. */
export const consentTextVersions = { email: "email-2026-11", face: "face-2026-11" } as const;

/**
 * Writes a user's own profile with the caller's own token and records consents.
 *
 * The order lets every retry succeed: Supabase Auth is asked first (nothing written when it is
 * down), the consent record follows (appended once, however often the request is repeated), the
 * metadata come last. So metadata never claim a consent without a record.
 * @param changes keys of `user_metadata`; null deletes; keys that already hold the value are not sent
 * @throws AppError metadata_too_large, session_revoked, auth_unavailable, database_unavailable
 */
export async function updateOwnProfile(
  { auth, database }: { auth: AuthClients; database: Database },
  verified: VerifiedToken,
  changes: Metadata,
  consents: readonly ConsentChange[] = [],
): Promise<ChangedProfile> {
  const caller = auth.asCaller(verified.token);
  const current = await caller.getUser();
  // Supabase Auth answers null for a user who was imported without metadata.
  const present: Metadata = current.user_metadata ?? {};
  const data = onlyChanged(present, changes);
  assertWithinBudget(mergeMetadata(present, data), current.app_metadata ?? {}, present);
  if (consents.length > 0) await recordConsents(database, verified, consents);
  const record = await writeMetadata(caller.updateUser, current, data);
  return { ...toFreshProfile(record), refresh_required: true };
}

function onlyChanged(current: Metadata, changes: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(changes).filter(([key, value]) =>
      value !== undefined && (current[key] ?? null) !== value
    ),
  );
}

async function writeMetadata(
  update: (changes: { data: Metadata }) => Promise<User>,
  current: User,
  data: Metadata,
): Promise<User> {
  return Object.keys(data).length === 0 ? current : await update({ data });
}

async function recordConsents(
  database: Database,
  verified: VerifiedToken,
  consents: readonly ConsentChange[],
): Promise<void> {
  await database.asUser(verified, async (sql) => {
    for (const { kind, granted, textVersion } of consents) {
      await sql`select private.record_consent(${kind}, ${granted}, ${textVersion})`;
    }
  });
}
