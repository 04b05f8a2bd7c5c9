import * as z from "zod";
import { later } from "../../../shared/later.ts";
import {
  consentTextVersionSchema,
  displayNameSchema,
  industrySchema,
  jobTitleSchema,
} from "../../../shared/auth/profile.ts";
import { maxPreferenceText, preferenceName } from "../../../shared/auth/metadata.ts";
import { tiers } from "../../../shared/auth/tiers.ts";
import { isStorable, uuidParam } from "../../../shared/http/schemas.ts";

/** Query of GET /me: `fresh=true` asks Supabase Auth instead of reading the token. */
export const profileQuerySchema = later(() =>
  z.object({
    fresh: z.enum(["true", "false"]).optional()
      .openapi({ param: { name: "fresh", in: "query" }, example: "true" }),
  })
);

const preferenceChange = later(() =>
  z.union([
    z.string().max(maxPreferenceText).refine(isStorable),
    z.number(),
    z.boolean(),
    z.null(),
  ], {
    error:
      `Expected a plain text of at most ${maxPreferenceText} characters, number, boolean or null`,
  })
);

/** Body of PATCH /me: only the named fields change; null clears a text or removes a preference. */
export const profileChangesSchema = later(() =>
  z.strictObject({
    display_name: displayNameSchema.nullable().optional(),
    industry: industrySchema.nullable().optional(),
    job_title: jobTitleSchema.nullable().optional(),
    email_consent: z.boolean().optional(),
    face_consent: z.boolean().optional(),
    consent_text_version: consentTextVersionSchema.optional(),
    preferences: z.record(
      z.string().regex(preferenceName, "Expected a name such as theme or list_size"),
      preferenceChange,
    ).optional().openapi({ example: { theme: "dark", autoplay: null } }),
  }).refine((changes) => Object.values(changes).some((value) => value !== undefined), {
    message: "Name at least one field to change",
  }).openapi("ProfileChanges")
);

export type ProfileChanges = z.infer<typeof profileChangesSchema>;

/** Answer of GET /me/usage. `storage_bytes` counts the uploaded videos of the user. */
export const usageSchema = later(() =>
  z.object({
    tier: z.enum(tiers).openapi({ example: "free" }),
    uploads_today: z.int().openapi({ example: 1 }),
    uploads_per_day: z.int().openapi({ example: 3 }),
    can_upload: z.boolean().openapi({ example: true }),
    uploads_reset_at: z.iso.datetime().openapi({ example: "2026-11-23T00:00:00Z" }),
    videos: z.int().openapi({ example: 12 }),
    people: z.int().openapi({ example: 4 }),
    scenes: z.int().openapi({ example: 371 }),
    storage_bytes: z.int().openapi({ example: 734003200 }),
  }).openapi("Usage")
);

export type Usage = z.infer<typeof usageSchema>;

const exportId = later(() => z.guid().openapi({ example: "0c8f3a57-51f4-4f1c-9c55-0d3d0d3f7a11" }));
const time = later(() => z.iso.datetime().openapi({ example: "2026-11-22T18:15:00.000Z" }));

/** Path of GET /me/export/{id}. */
export const exportParamsSchema = later(() => z.object({ id: uuidParam("id") }));

/** Answer of POST /me/export. */
export const openExportSchema = later(() =>
  z.object({
    export_id: exportId,
    state: z.enum(["pending", "running"]),
    requested_at: time,
  }).openapi("OpenExport")
);

export type OpenExport = z.infer<typeof openExportSchema>;

const exportFileSchema = later(() =>
  z.object({
    name: z.string().openapi({ example: "heimdex-export.zip" }),
    size_bytes: z.int().openapi({ example: 482113 }),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    url: z.url(),
    expires_at: time,
  }).openapi("ExportFile")
);

const exportStates = [
  "pending",
  "running",
  "completed",
  "failed",
  "expired",
  "cancelled",
] as const;

export type ExportState = typeof exportStates[number];

/**
 * Answer of GET /me/export/{id}. `files` is empty unless the state is completed; `reason` is an
 * error code when it is failed.
 */
export const exportSchema = later(() =>
  z.object({
    export_id: exportId,
    state: z.enum(exportStates),
    requested_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    expires_at: time.nullable(),
    reason: z.string().nullable().openapi({ example: null }),
    files: z.array(exportFileSchema),
  }).openapi("Export")
);

export type Export = z.infer<typeof exportSchema>;
