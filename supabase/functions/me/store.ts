import { flattenPreferences, type Metadata } from "../../../shared/auth/metadata.ts";
import type { AuthUser } from "../../../shared/auth/auth-user.ts";
import { tierLimits } from "../../../shared/auth/tiers.ts";
import { type ConsentChange, consentTextVersions } from "../../../shared/auth/update-profile.ts";
import type { Transaction } from "../../../shared/database/doors.ts";
import type { ProfileChanges, Usage } from "./schemas.ts";

interface UsageRow {
  uploads: { used: number; resets_at: string };
  videos: number;
  people: number;
  scenes: number;
  storage_bytes: number;
}

/** Counts what the caller owns, in one statement; videos of an organization are not the caller's. */
export async function readUsage(sql: Transaction, user: AuthUser): Promise<Usage> {
  const [row] = await sql<[UsageRow]>`
    select
      private.read_upload_usage() as uploads,
      (select count(*) from public.face_profiles where user_id = (select auth.uid())) as people,
      (select count(*) from public.scenes where user_id = (select auth.uid())) as scenes,
      count(*) as videos,
      coalesce(sum(size_bytes) filter (where state <> 'uploading'), 0) as storage_bytes
    from public.videos
    where user_id = (select auth.uid()) and state <> 'deleted'`;
  const { uploads, ...counts } = row;
  return {
    tier: user.tier,
    uploads_today: uploads.used,
    uploads_per_day: tierLimits[user.tier].uploadsPerDay,
    can_upload: user.canUploadVideo({ uploadsToday: uploads.used }),
    uploads_reset_at: uploads.resets_at,
    ...counts,
  };
}

/** Spreads a PATCH body over keys of `user_metadata`. */
export function toMetadata(changes: ProfileChanges): Metadata {
  const { display_name, industry, job_title, email_consent, preferences } = changes;
  return {
    display_name,
    industry,
    job_title,
    email_consent,
    ...flattenPreferences(preferences ?? {}),
  };
}

/** The consents a PATCH body gives or withdraws. */
export function toConsents(changes: ProfileChanges): ConsentChange[] {
  const decisions = { email: changes.email_consent, face: changes.face_consent };
  return (["email", "face"] as const).flatMap((kind) => {
    const granted = decisions[kind];
    const textVersion = changes.consent_text_version ?? consentTextVersions[kind];
    return granted === undefined ? [] : [{ kind, granted, textVersion }];
  });
}
