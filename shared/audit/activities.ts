import type { ErrorCode } from "../errors/codes.ts";

/** What the audit trail can say was done, each with the words of docs/security.md. */
export const activityTypes = {
  "user.registration_requested": "A registration was asked for; names the user only with a session",
  "user.signed_in": "A session was opened with a password",
  "user.verified": "A code or link of a mail was redeemed",
  "user.password_reset_requested": "A mail to set a new password was asked for",
  "user.magic_link_requested": "A mail with a sign-in link was asked for",
  "user.password_changed": "The password was changed",
  "user.onboarded": "The onboarding was completed",
  "user.profile_changed": "Profile, preferences or consents were changed",
  "user.updated": "Supabase Auth reported a change of the user, by whatever road",
  "user.deletion_requested": "The deletion of the account was asked for or scheduled",
  "user.deletion_cancelled": "A scheduled deletion was cancelled",
  "user.erased": "The data of the user were erased; names the pseudonym of the receipt",
  "session.refreshed": "A refresh token was traded for a session",
  "session.ended": "One or more sessions were ended",
  "export.requested": "A copy of the own data was asked for",
  "export.completed": "A copy of the own data is ready",
  "video.created": "A video was announced and an upload URL signed",
  "video.uploaded": "An uploaded video was handed to processing",
  "video.changed": "Title, description, tags or language were changed",
  "video.captioned": "The scenes of a video were replaced by captions",
  "video.scenes_received": "A worker sent scenes of a video",
  "video.deleted": "A video was deleted with its objects",
  "job.claimed": "A worker took a job",
  "job.progressed": "A worker reported progress and extended its lease",
  "job.completed": "A worker completed a job",
  "job.failed": "A worker gave an attempt at a job up",
  "job.uploads_signed": "Upload URLs were signed for a worker",
  "person.created": "A person was named",
  "person.renamed": "A person was renamed",
  "person.photo_requested": "An upload URL for a photo was signed",
  "person.photo_added": "An uploaded photo was added to a person",
  "person.merged": "A person was merged into another",
  "person.face_enrolled": "A worker set the face vector of a person",
  "person.deleted": "A person was deleted with photos and vectors",
  "webhook.received": "A signed event was received",
  "events.drained": "A drain found something to do",
  "tier.change_requested": "An operator asked for another tier of the user",
  "tier.changed": "An operator changed the tier of the user",
  "organization.created": "An operator made an organization; names its first admin",
  "organization.member_added": "An operator added the user to an organization",
  "organization.member_removed": "An operator removed the user from an organization",
  "organization.role_changed": "An operator changed the role of the user in an organization",
  "sessions.revoked": "An operator ended the sessions of the user",
  "request.refused": "A request that changes nothing was refused",
} as const;

/** What was done or refused: `event_type` of public.audit_events. */
export type ActivityType = keyof typeof activityTypes;

/** Kinds of things an activity is about. */
export type Resource = "user" | "organization" | "video" | "person" | "job" | "export" | "erasure";

/** Who acted. A worker, a webhook's sender, the cron and an operator are no users. */
export type Actor = "user" | "anonymous" | "worker" | "webhook" | "cron" | "operator";

/** Events that statistics count: `event_type` of public.user_analytics. */
export type CountedType = "registered" | "onboarded" | "uploaded_video" | "searched";

/** An event for the statistics of one user; `data` holds ids and codes, never text of the user. */
export interface Counted {
  type: CountedType;
  data?: Record<string, string>;
}

/**
 * One thing that was done or refused. All members are ids, codes and what the transport says of the
 * caller: no titles, names or addresses of mail.
 */
export interface Activity {
  /**
   * UUID of its row in the trail and in the statistics. What is written under it is not written
   * again; without one every write is a row of its own.
   */
  eventId?: string | undefined;
  /** Null where there is something to count and nothing to audit. */
  type: ActivityType | null;
  /** UUID of the user it is about; null where none is known. */
  userId: string | null;
  actor: Actor;
  outcome: "ok" | "refused";
  code?: ErrorCode | undefined;
  resource?: Resource | undefined;
  /** UUID. */
  resourceId?: string | undefined;
  /** What was asked for, e.g. `GET videos/:id` or `tier set pro`, where the type does not say it. */
  route?: string | undefined;
  requestId: string;
  clientIp: string | null;
  userAgent: string | null;
  counted?: Counted | undefined;
  /** How many refusals of the same kind were left out before this one. */
  repeats?: number | undefined;
}

/**
 * Refusals that matter to whoever looks for an attack or for abuse. The others are faults of a
 * client and stand in the log alone.
 */
export const auditedRefusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "token_invalid",
  "session_revoked",
  "invalid_credentials",
  "invalid_password",
  "refresh_token_invalid",
  "code_invalid",
  "signature_invalid",
  "signature_expired",
  "key_invalid",
  "forbidden",
  "consent_required",
  "feature_disabled",
  "insufficient_aal",
  "reauthentication_required",
  "email_not_confirmed",
  "user_banned",
  "video_not_found",
  "person_not_found",
  "photo_not_found",
  "export_not_found",
  "job_not_found",
  "organization_not_found",
  "last_admin",
  "upload_quota_exceeded",
  "rate_limited",
]);
