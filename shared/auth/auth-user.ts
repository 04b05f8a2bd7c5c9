import { type Claims, parseClaims } from "./claims.ts";
import { type Tier, tierLimits } from "./tiers.ts";
import type { PreferenceValue } from "./metadata.ts";

/** What a decision about an upload needs to know besides the tier. */
export interface UploadUsage {
  uploadsToday: number;
}

/**
 * The caller, as the verified token describes it. Frozen. Access decisions rest on `app_metadata`
 * and on claims the server writes (tier, permissions, organizationId, role, emailVerified); the
 * profile fields come from `user_metadata`, which the user may edit at will.
 */
export class AuthUser {
  /** `sub`: the id of the user in Supabase Auth, and `user_id` in every table. */
  readonly supabaseUserId: string;
  /** Empty for a user without an address (anonymous or phone sign-in). */
  readonly email: string;
  /** From the token hook; false without it. */
  readonly emailVerified: boolean;
  readonly displayName: string | null;
  readonly onboardingCompleted: boolean;
  readonly industry: string | null;
  readonly jobTitle: string | null;
  readonly emailConsent: boolean;
  readonly preferences: Readonly<Record<string, PreferenceValue>>;
  readonly tier: Tier;
  readonly permissions: readonly string[];
  readonly organizationId: string | null;
  /** The role in the organization, not the database role. */
  readonly role: string | null;
  readonly isAnonymous: boolean;
  /** Authenticator assurance level, `aal1` or `aal2`. */
  readonly aal: string;
  readonly sessionId: string;
  /** ISO 8601, from the token hook; null without it. */
  readonly createdAt: string | null;

  constructor(claims: Claims) {
    const { user_metadata: profile, app_metadata: authority } = claims;
    this.supabaseUserId = claims.sub;
    this.email = claims.email;
    this.emailVerified = claims.email_verified;
    this.displayName = profile.display_name;
    this.onboardingCompleted = profile.onboarding_completed;
    this.industry = profile.industry;
    this.jobTitle = profile.job_title;
    this.emailConsent = profile.email_consent;
    this.preferences = Object.freeze(profile.preferences);
    this.tier = authority.tier;
    this.permissions = Object.freeze(authority.permissions);
    this.organizationId = authority.organization_id;
    this.role = authority.role;
    this.isAnonymous = claims.is_anonymous;
    this.aal = claims.aal;
    this.sessionId = claims.session_id;
    this.createdAt = claims.user_created_at;
    Object.freeze(this);
  }

  /** Whether the user pays for a tier above free. */
  isProUser(): boolean {
    return this.tier !== "free";
  }

  /** Whether the tier still allows an upload today (UTC). The database decides again on insert. */
  canUploadVideo(usage: UploadUsage): boolean {
    return usage.uploadsToday < tierLimits[this.tier].uploadsPerDay;
  }

  /** A hint from the token; `organization_members` is the authority for writes. */
  isOrgAdmin(): boolean {
    return this.organizationId !== null && (this.role === "admin" || this.role === "owner");
  }

  hasPermission(permission: string): boolean {
    return this.permissions.includes(permission);
  }
}

/**
 * Turns the payload of a verified token into an AuthUser: the only place where that happens.
 * Never fails on what stands in `user_metadata`; wrong values there are clamped or dropped.
 * @throws AppError token_invalid when `sub`, `session_id` or another claim of the server is unusable
 */
export function toAuthUser(claims: unknown): AuthUser {
  return new AuthUser(parseClaims(claims));
}
