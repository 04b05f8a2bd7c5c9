import * as z from "zod";
import type { User } from "@supabase/supabase-js";
import { later } from "../later.ts";
import { isStorable, nameSchema } from "../http/schemas.ts";
import type { AuthUser } from "./auth-user.ts";
import { readAppMetadata, readUserMetadata } from "./claims.ts";
import { maxPreferenceText } from "./metadata.ts";
import { tiers } from "./tiers.ts";

const preferenceValue = later(() =>
  z.union([z.string().max(maxPreferenceText), z.number(), z.boolean()])
);

/** What a user may call themself: 1 to 100 characters, one form of Unicode. */
export const displayNameSchema = later(() =>
  nameSchema(100, "Expected a name as text")
    .openapi({ example: "Mina Park" })
);
/** Industry as the user names it: 1 to 100 characters. */
export const industrySchema = later(() =>
  nameSchema(100, "Expected an industry as text")
    .openapi({ example: "Entertainment" })
);
/** Job title as the user names it: 1 to 100 characters. */
export const jobTitleSchema = later(() =>
  nameSchema(100, "Expected a job title as text")
    .openapi({ example: "Video editor" })
);

/** Version of the consent text that the client showed; absent: the text in force. */
export const consentTextVersionSchema = later(() =>
  z.string().trim().min(1).max(100)
    .refine(isStorable, "Expected plain text")
    .openapi({ example: "email-2026-11" })
);

/** The profile as every route answers it. */
export const profileSchema = later(() =>
  z.object({
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
  }).openapi("Profile")
);

/** A profile on the wire. */
export type Profile = z.infer<typeof profileSchema>;

/** Answer of every write to the profile: the token still says the old, so refresh the session. */
export const changedProfileSchema = later(() =>
  profileSchema.extend({
    refresh_required: z.literal(true),
  }).openapi("ChangedProfile")
);

/** A profile on the wire after a write. */
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
  const { preferences, ...profile } = readUserMetadata(record.user_metadata);
  const createdAt = new Date(record.created_at);
  return {
    id: record.id,
    email: record.email ?? "",
    email_verified: Boolean(record.email_confirmed_at),
    ...profile,
    preferences,
    tier: readAppMetadata(record.app_metadata).tier,
    created_at: Number.isNaN(createdAt.getTime()) ? null : createdAt.toISOString(),
  };
}
