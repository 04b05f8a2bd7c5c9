import { z } from "@hono/zod-openapi";
import type { User } from "@supabase/supabase-js";
import { isStorable } from "../http/schemas.ts";
import type { AuthUser } from "./auth-user.ts";
import { appMetadataSchema, userMetadataSchema } from "./claims.ts";
import { maxPreferenceText } from "./metadata.ts";
import { tiers } from "./tiers.ts";

const preferenceValue = z.union([z.string().max(maxPreferenceText), z.number(), z.boolean()]);

/** A profile text that a user writes: trimmed, 1 to 100 characters, no control characters. */
function profileText(name: string, example: string) {
  return z.string(`Expected ${name} as text`).trim().min(1, "Expected at least 1 character")
    .max(100, "Expected at most 100 characters")
    .refine((value) => !/[\p{Cc}\p{Cs}]/u.test(value), "Expected no control characters")
    .openapi({ example });
}

export const displayNameSchema = profileText("a name", "Mina Park");
export const industrySchema = profileText("an industry", "Entertainment");
export const jobTitleSchema = profileText("a job title", "Video editor");

/** Version of the consent text that the client showed; absent: the text in force. */
export const consentTextVersionSchema = z.string().trim().min(1).max(100)
  .refine(isStorable, "Expected plain text")
  .openapi({ example: "email-2026-11" });

/** The profile as every route answers it. */
export const profileSchema = z.object({
  id: z.guid().openapi({ example: "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11" }),
  email: z.string().openapi({ example: "mina@example.com" }),
  email_verified: z.boolean(),
  display_name: z.string().nullable().openapi({ example: "Mina Park" }),
  onboarding_completed: z.boolean(),
  industry: z.string().nullable().openapi({ example: "Entertainment" }),
  job_title: z.string().nullable().openapi({ example: "Video editor" }),
  email_consent: z.boolean(),
  preferences: z.record(z.string(), preferenceValue).openapi({ example: { theme: "dark" } }),
  tier: z.enum(tiers).openapi({ example: "free" }),
  created_at: z.iso.datetime().nullable().openapi({ example: "2026-11-22T10:00:00.000Z" }),
}).openapi("Profile");

export type Profile = z.infer<typeof profileSchema>;

/** Answer of every write to the profile: the token still says the old, so refresh the session. */
export const changedProfileSchema = profileSchema.extend({
  refresh_required: z.literal(true),
}).openapi("ChangedProfile");

export type ChangedProfile = z.infer<typeof changedProfileSchema>;

/** Profile from the token alone. */
export function toProfile(user: AuthUser): Profile {
  return {
    id: user.supabaseUserId,
    email: user.email,
    email_verified: user.emailVerified,
    display_name: user.displayName,
    onboarding_completed: user.onboardingCompleted,
    industry: user.industry,
    job_title: user.jobTitle,
    email_consent: user.emailConsent,
    preferences: { ...user.preferences },
    tier: user.tier,
    created_at: user.createdAt,
  };
}

/** Profile from a user record of Supabase Auth: what the next token will say. */
export function toFreshProfile(record: User): Profile {
  const { preferences, ...profile } = userMetadataSchema.parse(record.user_metadata);
  const createdAt = new Date(record.created_at);
  return {
    id: record.id,
    email: record.email ?? "",
    email_verified: Boolean(record.email_confirmed_at),
    ...profile,
    preferences,
    tier: appMetadataSchema.parse(record.app_metadata).tier,
    created_at: Number.isNaN(createdAt.getTime()) ? null : createdAt.toISOString(),
  };
}
