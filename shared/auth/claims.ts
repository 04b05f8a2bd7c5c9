import { z } from "zod";
import { AppError } from "../errors/app-error.ts";
import { readPreferences } from "./metadata.ts";
import { tiers } from "./tiers.ts";

const maxText = 100;
const maxPermissions = 64;

/** Keeps a readable text within the limit; anything else, and nothing but blanks, is null. */
const profileText = z.unknown().optional().transform((value): string | null => {
  if (typeof value !== "string") return null;
  const clean = value.slice(0, maxText * 4).replace(controlCharacters, "").trim();
  return [...clean].slice(0, maxText).join("").toWellFormed() || null;
});

/** Only a literal true counts: a consent or a completed step is never guessed. */
const flag = z.unknown().optional().transform((value) => value === true);

// Made once: to make a schema takes longer than to check a signature.
const profileFields = z.object({
  display_name: profileText,
  onboarding_completed: flag,
  industry: profileText,
  job_title: profileText,
  email_consent: flag,
});

/** Reads the profile out of any `user_metadata`; wrong values become null, false or are cut. */
export const userMetadataSchema = z.unknown().optional().transform((value) => {
  const source = isRecord(value) ? value : {};
  return { ...profileFields.parse(pick(source)), preferences: readPreferences(source) };
});

const tier = z.enum(tiers).catch("free");
const permissions = z.array(z.string().max(100)).max(maxPermissions).catch([]);
const organizationId = z.guid().nullable().catch(null);
const role = z.string().min(1).max(64).nullable().catch(null);

/** Reads tier, permissions, organization and role out of `app_metadata`; absent or wrong: least. */
export const appMetadataSchema = z.unknown().optional().transform((value) => {
  const source = isRecord(value) ? value : {};
  return {
    tier: tier.parse(source["tier"]),
    permissions: permissions.parse(source["permissions"]),
    organization_id: organizationId.parse(source["organization_id"] ?? null),
    role: role.parse(source["role"] ?? null),
  };
});

/** ISO 8601 text or seconds since 1970; null when absent or unreadable. */
const createdAt = z.unknown().optional().transform((value): string | null => {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const time = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
});

/** One spelling an id: lower case as Supabase Auth writes it, and not the nil UUID of no one. */
const id = z.string().regex(
  /^(?!0{8}-(?:0{4}-){3}0{12}$)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
);

/** Claims of a Supabase access token, strict about what the server writes, lenient about the rest. */
const claimsSchema = z.object({
  sub: id,
  session_id: id,
  email: z.string().max(255).catch(""),
  email_verified: flag,
  user_created_at: createdAt,
  is_anonymous: flag,
  aal: z.string().max(8).catch("aal1"),
  user_metadata: userMetadataSchema,
  app_metadata: appMetadataSchema,
});

/** What {@link parseClaims} answers. */
export type Claims = z.output<typeof claimsSchema>;

/**
 * Reads the claims that make an AuthUser.
 * @throws AppError token_invalid when `sub` or `session_id` is no UUID
 */
export function parseClaims(claims: unknown): Claims {
  const parsed = claimsSchema.safeParse(claims);
  if (parsed.success) return parsed.data;
  const names = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? "claims")))];
  throw new AppError(
    "token_invalid",
    `The token has no usable ${names.join(" and no usable ")}, sign in again`,
  );
}

// Profile texts are shown on pages and in mails; control characters only serve to disturb them.
// deno-lint-ignore no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function pick(source: Record<string, unknown>): Record<string, unknown> {
  const { display_name, onboarding_completed, industry, job_title, email_consent } = source;
  return { display_name, onboarding_completed, industry, job_title, email_consent };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
