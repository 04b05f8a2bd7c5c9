import { createHash } from "node:crypto";
import {
  keepOwnKeys,
  mergeMetadata,
  type Metadata,
  metadataBudget,
  metadataBytes,
  toJsonbText,
} from "../auth/metadata.ts";
import { decidedEmail, type UserDecisions } from "./decisions.ts";
import { classifyHash } from "./hash-kinds.ts";

/** A row of the legacy `users` table. */
export interface LegacyUser {
  userId: string;
  supabaseUserId: string | null;
  email: string;
  emailVerified: boolean;
  passwordHash: string | null;
  displayName: string | null;
  avatarUrl: string | null;
  tier: "free" | "pro" | "enterprise";
  createdAt: Date;
  updatedAt: Date;
  lastLoginAt: Date | null;
  industry: string | null;
  jobTitle: string | null;
  emailConsent: boolean;
  onboardingCompleted: boolean;
}

/** Whose account it is: the one the legacy row named, one made by us, or one linked by decision. */
export type Origin = "kept" | "created" | "linked";

/** What Supabase Auth shall hold of a legacy user. */
export interface TargetUser {
  legacyUserId: string;
  supabaseUserId: string;
  origin: Origin;
  /** In lower case. Only an account that is created gets it; others keep theirs. */
  email: string;
  emailConfirm: boolean;
  /** A hash that Supabase Auth takes; null for accounts that are not created, or have none. */
  passwordHash: string | null;
  /** Keys to be there with these values; null values are left out. */
  userMetadata: Metadata;
  appMetadata: Metadata;
}

/** What Supabase Auth holds of a user now. */
export interface AuthRecord {
  id: string;
  /** In lower case; null for a user who signs in otherwise. */
  email: string | null;
  emailConfirmed: boolean;
  /** Null where the user has none. */
  passwordHash: string | null;
  userMetadata: Metadata;
  appMetadata: Metadata;
  /** The user was soft-deleted: the row stays, the person is gone. */
  deleted: boolean;
}

/** What Supabase Auth has to be told; keys that are right already are left out, null deletes one. */
export interface TargetChanges {
  userMetadata?: Metadata;
  appMetadata?: Metadata;
  emailConfirm?: true;
}

/** Optional keys in the order in which the token hook drops them. Source: private.fit_metadata. */
const optionalKeys = ["job_title", "industry", "display_name"] as const;

/** What Supabase Auth adds to the app_metadata of a user created with an e-mail. */
const emailProvider: Metadata = { provider: "email", providers: ["email"] };

/**
 * Maps a legacy user to what Supabase Auth shall hold: the linked id, the id of a `link` decision,
 * the derived one of `new_id`, else the legacy id itself. `decisions` are only those that apply to
 * this user, as `judgeUser` picks them: one for everybody does not say that everybody needs it.
 * `current` is what stands there now; with `trim` optional keys are left out until both fit.
 */
export function toTarget(
  user: LegacyUser,
  decisions: UserDecisions = {},
  current?: AuthRecord,
): TargetUser {
  const { supabaseUserId, origin } = chooseAccount(user, decisions);
  const target: TargetUser = {
    legacyUserId: user.userId,
    supabaseUserId,
    origin,
    email: chooseEmail(user, decisions),
    emailConfirm: user.emailVerified,
    passwordHash: origin === "created" ? usableHash(user.passwordHash) : null,
    userMetadata: leaveOutNulls({
      display_name: user.displayName,
      industry: user.industry,
      job_title: user.jobTitle,
      onboarding_completed: user.onboardingCompleted,
      email_consent: user.emailConsent,
      avatar_url: user.avatarUrl,
    }),
    appMetadata: leaveOutNulls({
      tier: user.tier,
      legacy_created_at: toIso(user.createdAt),
      legacy_last_login_at: toIso(user.lastLoginAt),
    }),
  };
  return decisions.metadata_over_budget ? trim(target, current) : target;
}

/** The address a legacy user gets: the decided one, else the own in lower case. */
export function chooseEmail(user: LegacyUser, decisions: UserDecisions): string {
  return decidedEmail(decisions) ?? user.email.toLowerCase();
}

function chooseAccount(
  user: LegacyUser,
  { email_taken: taken, id_taken: idTaken, missing_account: missing }: UserDecisions,
): { supabaseUserId: string; origin: Origin } {
  if (user.supabaseUserId !== null) {
    // A missing account comes back under its id, because the legacy row keeps naming it.
    return { supabaseUserId: user.supabaseUserId, origin: missing ? "created" : "kept" };
  }
  if (taken?.action === "link" && taken.value !== undefined) {
    return { supabaseUserId: taken.value, origin: "linked" };
  }
  return { supabaseUserId: idTaken ? deriveId(user.userId) : user.userId, origin: "created" };
}

const namespace = Uint8Array.fromHex("6f1d4b0c5a3e4f0b9d2a7c8e1b6f3a54");

/**
 * The id a legacy user gets where the own one is taken: a UUID of version 5 (RFC 9562), so that
 * every run finds the same one.
 */
export function deriveId(legacyUserId: string): string {
  const digest = createHash("sha1").update(namespace).update(legacyUserId.toLowerCase()).digest();
  const bytes = digest.subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Keys that a legacy user may have cleared since the export. */
const clearedKeys = {
  user: ["display_name", "industry", "job_title", "avatar_url"],
  app: ["legacy_last_login_at"],
} as const;

/**
 * What is missing in Supabase Auth, as an update takes it: only keys with another value, for
 * Supabase Auth merges key by key. Null when nothing is missing. Keys that the target lacks stay,
 * but in an account we created our own ones go: until the cutover the legacy row is the truth there.
 * A confirmed address never becomes unconfirmed.
 */
export function diffTarget(target: TargetUser, current: AuthRecord): TargetChanges | null {
  const cleared = target.origin === "created" ? clearedKeys : { user: [], app: [] };
  const userMetadata = changedKeys(target.userMetadata, current.userMetadata, cleared.user);
  const appMetadata = changedKeys(target.appMetadata, current.appMetadata, cleared.app);
  const changes: TargetChanges = {
    ...(userMetadata ? { userMetadata } : {}),
    ...(appMetadata ? { appMetadata } : {}),
    ...(mustConfirm(target, current) ? { emailConfirm: true } : {}),
  };
  return Object.keys(changes).length > 0 ? changes : null;
}

/** An address that was confirmed in the legacy system says nothing of another one held here. */
function mustConfirm(target: TargetUser, current: AuthRecord): boolean {
  return target.emailConfirm && !current.emailConfirmed && current.email === target.email;
}

/**
 * Octets that tokens would carry of a user after the move, of {@link metadataBudget}: what stands
 * there now with the target's keys written over it.
 */
export function targetBytes(target: TargetUser, current?: AuthRecord): number {
  const kept = keepOwnKeys(
    mergeMetadata(current?.userMetadata ?? {}, target.userMetadata),
    mergeMetadata(current?.appMetadata ?? emailProvider, target.appMetadata),
  );
  return metadataBytes(kept.user, kept.app);
}

function trim(target: TargetUser, current?: AuthRecord): TargetUser {
  // What the optional keys take is measured as if none of them stood there already: a second run
  // meets what the first one wrote and must leave out the same keys.
  const others = current && { ...current, userMetadata: { ...current.userMetadata } };
  for (const key of optionalKeys) delete others?.userMetadata[key];
  let trimmed = target;
  for (const key of optionalKeys) {
    if (targetBytes(trimmed, others) <= metadataBudget) break;
    const { [key]: _dropped, ...userMetadata } = trimmed.userMetadata;
    trimmed = { ...trimmed, userMetadata };
  }
  return trimmed;
}

/** The hash where Supabase Auth takes it, else null. */
export function usableHash(hash: string | null): string | null {
  const kind = classifyHash(hash);
  return kind === "none" || kind === "unsupported" ? null : hash;
}

function leaveOutNulls(values: Metadata): Metadata {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/** PostgreSQL's infinity is a date that no calendar holds: it is left out. */
function toIso(time: Date | null): string | null {
  return time === null || Number.isNaN(time.getTime()) ? null : time.toISOString();
}

function changedKeys(
  wanted: Metadata,
  current: Metadata,
  cleared: readonly string[],
): Metadata | undefined {
  const nulls = cleared.filter((key) => !(key in wanted)).map((key) => [key, null] as const);
  const changed = [...nulls, ...Object.entries(wanted)].filter(([key, value]) =>
    toJsonbText(value) !== toJsonbText(current[key] ?? null)
  );
  return changed.length > 0 ? Object.fromEntries(changed) : undefined;
}
