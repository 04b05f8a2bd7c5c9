import { AppError } from "../errors/app-error.ts";
import { isRecord } from "../json.ts";
import { isUuid } from "../text/uuid.ts";
import { type PreferenceValue, readPreferences } from "./metadata.ts";
import { type Tier, tiers } from "./tiers.ts";

// Written out and not a schema: this is read for every new token, before anything else.

const maxText = 100;
const maxPermissions = 64;

/** What a user says of themself. */
export interface UserMetadata {
  display_name: string | null;
  onboarding_completed: boolean;
  industry: string | null;
  job_title: string | null;
  email_consent: boolean;
  preferences: Record<string, PreferenceValue>;
}

/** What the server says of a user. */
export interface AppMetadata {
  tier: Tier;
  permissions: string[];
  organization_id: string | null;
  role: string | null;
}

/** What {@link parseClaims} answers. */
export interface Claims {
  sub: string;
  session_id: string;
  email: string;
  email_verified: boolean;
  user_created_at: string | null;
  is_anonymous: boolean;
  aal: string;
  user_metadata: UserMetadata;
  app_metadata: AppMetadata;
}

/** Reads the profile out of any `user_metadata`; wrong values become null, false or are cut. */
export function readUserMetadata(value: unknown): UserMetadata {
  const source = isRecord(value) ? value : {};
  return {
    display_name: profileText(source["display_name"]),
    onboarding_completed: flag(source["onboarding_completed"]),
    industry: profileText(source["industry"]),
    job_title: profileText(source["job_title"]),
    email_consent: flag(source["email_consent"]),
    preferences: readPreferences(source),
  };
}

/** Reads tier, permissions, organization and role out of `app_metadata`; absent or wrong: least. */
export function readAppMetadata(value: unknown): AppMetadata {
  const source = isRecord(value) ? value : {};
  const { permissions, organization_id: organizationId, role } = source;
  return {
    tier: tiers.find((one) => one === source["tier"]) ?? "free",
    permissions: isPermissions(permissions) ? [...permissions] : [],
    organization_id: typeof organizationId === "string" && isUuid(organizationId)
      ? organizationId
      : null,
    role: isText(role, 64) && role !== "" ? role : null,
  };
}

/**
 * Reads the claims that make an AuthUser: strict about what the server writes, lenient about the
 * rest.
 * @throws AppError token_invalid when `sub` or `session_id` is no UUID
 */
export function parseClaims(claims: unknown): Claims {
  const source = isRecord(claims) ? claims : {};
  const { sub, session_id: sessionId, email, aal } = source;
  if (!isId(sub) || !isId(sessionId)) throw unusable({ sub, session_id: sessionId });
  return {
    sub,
    session_id: sessionId,
    email: isText(email, 255) ? email : "",
    email_verified: flag(source["email_verified"]),
    user_created_at: createdAt(source["user_created_at"]),
    is_anonymous: flag(source["is_anonymous"]),
    aal: isText(aal, 8) ? aal : "aal1",
    user_metadata: readUserMetadata(source["user_metadata"]),
    app_metadata: readAppMetadata(source["app_metadata"]),
  };
}

function unusable(ids: Record<string, unknown>): AppError {
  const names = Object.keys(ids).filter((name) => !isId(ids[name]));
  return new AppError(
    "token_invalid",
    `The token has no usable ${names.join(" and no usable ")}, sign in again`,
  );
}

/** One spelling an id: lower case as Supabase Auth writes it, and not the nil UUID of no one. */
const id = /^(?!0{8}-(?:0{4}-){3}0{12}$)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function isId(value: unknown): value is string {
  return typeof value === "string" && id.test(value);
}

/** Keeps a readable text within the limit; anything else, and nothing but blanks, is null. */
function profileText(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const clean = value.slice(0, maxText * 4).replace(controlCharacters, "").trim();
  return [...clean].slice(0, maxText).join("").toWellFormed() || null;
}

/** Only a literal true counts: a consent or a completed step is never guessed. */
function flag(value: unknown): boolean {
  return value === true;
}

/** ISO 8601 text or seconds since 1970; null when absent or unreadable. */
function createdAt(value: unknown): string | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const time = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && (value.length <= max || [...value].length <= max);
}

function isPermissions(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= maxPermissions &&
    value.every((one) => isText(one, 100));
}

// Profile texts are shown on pages and in mails; control characters only serve to disturb them.
// deno-lint-ignore no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
