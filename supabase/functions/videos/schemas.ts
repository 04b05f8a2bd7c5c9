import * as z from "zod";
import { later } from "../../../shared/later.ts";
import {
  checkCreatedRange,
  countQuerySchema,
  languageSchema,
  lineSchema,
  listQuerySchema,
  listSchema,
  textSchema,
  timeSchema,
  uuidParam,
  uuidSchema,
} from "../../../shared/http/schemas.ts";
import { maxVideoBytes, uploadUrlSeconds, videoMimeTypes } from "../../../shared/storage/keys.ts";

/** States of a video that the API shows; a deleted one is not there any more. */
export const visibleStates = [
  "uploading",
  "validating",
  "processing",
  "indexed",
  "failed",
] as const;

export type VideoState = (typeof visibleStates)[number];

const titleSchema = later(() => lineSchema(255).openapi({ example: "Kitchen tour" }));

const descriptionSchema = later(() =>
  textSchema(5000).openapi({ example: "A walk through the new kitchen" })
);

const tagsSchema = later(() =>
  z.array(lineSchema(64)).max(50)
    .overwrite((tags) => [...new Set(tags)])
    .openapi({ example: ["kitchen", "home"] })
);

export { languageSchema };

export const videoParamsSchema = later(() => z.object({ id: uuidParam("id") }));

export const initUploadHeadersSchema = later(() =>
  z.object({
    "idempotency-key": z.string().regex(
      /^[\x21-\x7e]{1,255}$/,
      "Expected 1 to 255 visible characters",
    )
      .optional()
      .openapi({ description: "A repeated request with the same key answers the same video" }),
  })
);

export const initUploadSchema = later(() =>
  z.strictObject({
    filename: z.string().min(1).max(1024).openapi({ example: "kitchen.mp4" }),
    mime_type: z.enum(videoMimeTypes),
    size_bytes: z.int().min(1).max(maxVideoBytes).openapi({ example: 12_693 }),
    title: titleSchema.optional(),
    description: descriptionSchema.optional(),
    tags: tagsSchema.optional(),
    language: languageSchema.optional(),
    organization_id: uuidSchema.optional(),
  }).openapi("InitUpload")
);

export type InitUpload = z.infer<typeof initUploadSchema>;

export const uploadTicketSchema = later(() =>
  z.object({
    video_id: z.uuid(),
    bucket: z.string().openapi({ example: "uploads" }),
    path: z.string(),
    token: z.string(),
    upload_url: z.url(),
    expires_in: z.literal(uploadUrlSeconds).openapi({ description: "Seconds the URL lives" }),
  }).openapi("UploadTicket")
);

export type UploadTicketBody = z.infer<typeof uploadTicketSchema>;

export const completeUploadSchema = later(() =>
  z.strictObject({ video_id: uuidSchema })
    .openapi("CompleteUpload")
);

export const completedUploadSchema = later(() =>
  z.object({
    video_id: z.uuid(),
    state: z.enum(visibleStates),
    message: z.string(),
  }).openapi("CompletedUpload")
);

export const videoSchema = later(() =>
  z.object({
    video_id: z.uuid(),
    user_id: z.uuid().nullable(),
    organization_id: z.uuid().nullable(),
    title: z.string().nullable(),
    description: z.string().nullable(),
    tags: z.array(z.string()),
    filename: z.string().nullable(),
    language: z.string().nullable(),
    mime_type: z.string(),
    size_bytes: z.int(),
    duration_s: z.number().nullable().openapi({ description: "Seconds" }),
    state: z.enum(visibleStates),
    error_text: z.string().nullable(),
    thumbnail_url: z.url().nullable().openapi({ description: "Lives one hour" }),
    created_at: z.iso.datetime(),
    indexed_at: z.iso.datetime().nullable(),
  }).openapi("Video")
);

export type Video = z.infer<typeof videoSchema>;

export const listVideosQuerySchema = later(() =>
  listQuerySchema.extend(countQuerySchema.shape).extend({
    state: z.enum(visibleStates).optional()
      .openapi({ param: { name: "state", in: "query" }, example: "indexed" }),
    organization_id: z.union([z.literal("none"), uuidSchema], {
      error: 'Expected a UUID or "none"',
    }).optional().openapi({
      param: { name: "organization_id", in: "query" },
      type: "string",
      description: 'Videos of this organization; "none" for videos of no organization',
    }),
    person_id: uuidSchema.optional().openapi({
      param: { name: "person_id", in: "query" },
      description: "Videos in which this person of the caller appears",
    }),
    created_from: timeSchema.optional()
      .openapi({ param: { name: "created_from", in: "query" } }),
    created_to: timeSchema.optional()
      .openapi({ param: { name: "created_to", in: "query" } }),
  }).check(checkCreatedRange)
);

export const videoListSchema = later(() => listSchema("videos", videoSchema).openapi("VideoList"));

/** What is done with a video, in the usual order. */
export const jobStages = [
  "upload_validate",
  "audio_extract",
  "asr_fast",
  "scene_detect",
  "align_merge",
  "embed_text",
  "vision_sample_frames",
  "vision_embed_frames",
  "vision_affect_tags",
  "faces_enroll_match",
  "sidecar_build",
  "commit",
] as const;

export const jobSchema = later(() =>
  z.object({
    job_id: z.uuid(),
    stage: z.enum(jobStages),
    state: z.enum(["pending", "running", "completed", "failed", "cancelled"]),
    progress: z.number().openapi({ description: "From 0 to 1" }),
    error_text: z.string().nullable(),
    started_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
  }).openapi("Job")
);

export type Job = z.infer<typeof jobSchema>;

export const videoStatusSchema = later(() =>
  z.object({
    video_id: z.uuid(),
    state: z.enum(visibleStates),
    error_text: z.string().nullable(),
    jobs: z.array(jobSchema),
  }).openapi("VideoStatus")
);

export const sceneSchema = later(() =>
  z.object({
    scene_id: z.uuid(),
    video_id: z.uuid(),
    start_s: z.number().openapi({ description: "Seconds from the start of the video" }),
    end_s: z.number(),
    transcript: z.string().nullable(),
    thumbnail_url: z.url().nullable().openapi({ description: "Lives one hour" }),
    people: z.array(z.object({
      person_id: z.uuid(),
      name: z.string(),
      confidence: z.number(),
    })),
  }).openapi("Scene")
);

export type Scene = z.infer<typeof sceneSchema>;

export const sceneListSchema = later(() => listSchema("scenes", sceneSchema).openapi("SceneList"));

export const updateVideoSchema = later(() =>
  z.strictObject({
    title: titleSchema.nullable().optional(),
    description: descriptionSchema.nullable().optional(),
    tags: tagsSchema.nullable().optional(),
    language: languageSchema.nullable().optional(),
  }).refine((body) => Object.keys(body).length > 0, "Expected at least one field to change")
    .openapi("UpdateVideo", { description: "What is missing stays, null clears" })
);

export type UpdateVideo = z.infer<typeof updateVideoSchema>;

export const captionsQuerySchema = later(() =>
  z.object({
    language: languageSchema.optional()
      .openapi({ param: { name: "language", in: "query" }, example: "en" }),
  })
);
