import * as z from "zod";
import { later } from "../../../shared/later.ts";
import { isStorable, lineSchema, uuidParam, uuidSchema } from "../../../shared/http/schemas.ts";
import { base64VectorSchema } from "../../../shared/http/vector-schema.ts";
import { uploadUrlSeconds } from "../../../shared/storage/keys.ts";
import { cleanText } from "../../../shared/text/plain-text.ts";
import { jobSchema, jobStages, languageSchema, videoSchema } from "./schemas.ts";

/** Largest body of PUT scenes in bytes: 8 MiB. */
export const maxSceneBytes = 8 * 1024 * 1024;

/** Numbers in a vector of a scene. Source: design section 8. */
const sceneDimensions = 1152;

const mostScenes = 5000;
const mostScenesWithVectors = 250;
const mostParts = 1000;
const mostUploads = 50;
// PostgreSQL refuses to index a text of about a megabyte.
const mostTranscriptCharacters = 10_000;
// Seconds are kept as numeric(10, 3).
const longestSeconds = 9_999_999;

export const jobParamsSchema = later(() => z.object({ id: uuidParam("id") }));

const leaseIdSchema = later(() =>
  uuidSchema.openapi({ description: "The lease, as jobs/claim answered it" })
);

const stagesSchema = later(() => z.array(z.enum(jobStages)).max(jobStages.length));

const secondsSchema = later(() =>
  z.number().min(0).max(longestSeconds)
    .overwrite((seconds) => Math.round(seconds * 1000) / 1000)
);

export const claimJobSchema = later(() =>
  z.strictObject({
    stages: stagesSchema.min(1).optional()
      .openapi({ description: "Stages this worker can do; default: all" }),
    lease_seconds: z.int().min(30).max(3600).default(300)
      .openapi({ description: "How long the job is held without a sign of life" }),
    worker: lineSchema(100).optional().openapi({ example: "gpu-7" }),
  }).openapi("ClaimJob")
);

export type ClaimJob = z.infer<typeof claimJobSchema>;

export const claimedJobSchema = later(() =>
  z.object({
    job: z.object({
      job_id: z.uuid(),
      lease_id: z.uuid(),
      lease_until: z.iso.datetime(),
      stage: jobSchema.shape.stage,
      attempt: z.int().openapi({ description: "From 1; after 5 the job has failed" }),
      video: z.object({
        video_id: z.uuid(),
        language: z.string().nullable(),
        mime_type: z.string(),
        size_bytes: z.int(),
        duration_s: z.number().nullable(),
        scenes_from: z.enum(["captions", "worker"]).nullable()
          .openapi({ description: "Where the present scenes come from" }),
        download_url: z.url().openapi({ description: "Lives one hour" }),
      }),
    }),
  }).openapi("ClaimedJob")
);

export type ClaimedJob = z.infer<typeof claimedJobSchema>;

export const progressJobSchema = later(() =>
  z.strictObject({
    lease_id: leaseIdSchema,
    progress: z.number().min(0).max(1),
    message: lineSchema(500).optional(),
  }).openapi("ProgressJob")
);

export type ProgressJob = z.infer<typeof progressJobSchema>;

export const jobProgressSchema = later(() =>
  z.object({
    job_id: z.uuid(),
    state: jobSchema.shape.state,
    progress: z.number(),
    lease_until: z.iso.datetime(),
  }).openapi("JobProgress")
);

export type JobProgress = z.infer<typeof jobProgressSchema>;

export const completeJobSchema = later(() =>
  z.strictObject({
    lease_id: leaseIdSchema,
    next_stages: stagesSchema.default([])
      .openapi({ description: "Stages to queue for this video; none: this branch is done" }),
    video: z.strictObject({
      duration_s: z.number().positive().max(longestSeconds).optional(),
      language: languageSchema.optional()
        .openapi({ description: "Kept only where the owner set none" }),
    }).optional(),
  }).openapi("CompleteJob")
);

export type CompleteJob = z.infer<typeof completeJobSchema>;

export const completedJobSchema = later(() =>
  z.object({
    job_id: z.uuid(),
    state: jobSchema.shape.state,
    video_state: videoSchema.shape.state,
    next_stages: z.array(jobSchema.shape.stage).openapi({ description: "Stages that were queued" }),
  }).openapi("CompletedJob")
);

export type CompletedJob = z.infer<typeof completedJobSchema>;

export const failJobSchema = later(() =>
  z.strictObject({
    lease_id: leaseIdSchema,
    error: lineSchema(1000).openapi({ description: "For the owner of the video" }),
    retry: z.boolean().openapi({ description: "Whether another attempt may succeed" }),
  }).openapi("FailJob")
);

export type FailJob = z.infer<typeof failJobSchema>;

export const failedJobSchema = later(() =>
  z.object({
    job_id: z.uuid(),
    state: jobSchema.shape.state,
    video_state: videoSchema.shape.state,
    attempts: z.int(),
    retry_at: z.iso.datetime().nullable(),
  }).openapi("FailedJob")
);

export type FailedJob = z.infer<typeof failedJobSchema>;

export const createJobUploadsSchema = later(() =>
  z.strictObject({
    lease_id: leaseIdSchema,
    scene_ids: z.array(uuidSchema).max(mostUploads).default([])
      .openapi({ description: "Scenes that get a thumbnail, image/jpeg of at most 10 MiB each" }),
    sidecar: z.boolean().default(false)
      .openapi({ description: "Also the sidecar, application/json of at most 100 MiB" }),
  }).openapi("CreateJobUploads")
);

export type CreateJobUploads = z.infer<typeof createJobUploadsSchema>;

const uploadSchema = later(() =>
  z.object({
    bucket: z.string().openapi({ example: "thumbnails" }),
    path: z.string().openapi({ description: "The key, for thumbnail_key or sidecar_key" }),
    token: z.string(),
    upload_url: z.url(),
  })
);

export const jobUploadsSchema = later(() =>
  z.object({
    thumbnails: z.array(uploadSchema.extend({ scene_id: z.uuid() })),
    sidecar: uploadSchema.nullable(),
    expires_in: z.literal(uploadUrlSeconds).openapi({ description: "Seconds the URLs live" }),
  }).openapi("JobUploads")
);

export type JobUploads = z.infer<typeof jobUploadsSchema>;

const sceneKeySchema = later(() => z.string().max(512).refine(isStorable, "Unknown key"));

const newSceneSchema = later(() =>
  z.strictObject({
    scene_id: uuidSchema.optional(),
    start_s: secondsSchema,
    end_s: secondsSchema,
    transcript: z.string().max(mostTranscriptCharacters).overwrite(cleanText).nullish(),
    language: languageSchema.nullish(),
    vision_tags: z.array(lineSchema(64)).max(100).optional(),
    thumbnail_key: sceneKeySchema.optional(),
    sidecar_key: sceneKeySchema.optional(),
    text_vec: base64VectorSchema(sceneDimensions).optional(),
    image_vec: base64VectorSchema(sceneDimensions).optional(),
    people: z.array(z.strictObject({
      person_id: uuidSchema,
      confidence: z.number().min(0).max(1),
      frame_count: z.int().min(1).max(2_147_483_647),
    })).max(100).refine(
      (people) => new Set(people.map(({ person_id }) => person_id)).size === people.length,
      "Each person may stand here once",
    ).optional(),
  }).refine(({ start_s, end_s }) => end_s > start_s, {
    path: ["end_s"],
    message: "A scene must end at least a millisecond after it starts",
  }).refine(
    ({ thumbnail_key, scene_id }) => thumbnail_key === undefined || scene_id !== undefined,
    {
      path: ["scene_id"],
      message: "A scene with a thumbnail needs an id of your own",
    },
  ).openapi("NewScene")
);

export const putScenesSchema = later(() =>
  z.strictObject({
    lease_id: leaseIdSchema,
    revision: uuidSchema.openapi({ description: "One UUID for all parts of one set of scenes" }),
    part: z.int().min(1).max(mostParts),
    final: z.boolean().default(false)
      .openapi({ description: "Swaps the revision in; sent when every other part has arrived" }),
    parts: z.int().min(1).max(mostParts).optional()
      .openapi({ description: "How many parts there are; with final only" }),
    scenes: z.array(newSceneSchema).max(mostScenes),
  }).refine(({ final, parts }) => final === (parts !== undefined), {
    path: ["parts"],
    message: "Send parts together with final, and only then",
  }).refine(({ part, parts }) => parts === undefined || part <= parts, {
    path: ["part"],
    message: "The part has a number beyond parts",
  }).refine(({ scenes }) => scenes.length <= mostScenesWithVectors || !scenes.some(hasVector), {
    path: ["scenes"],
    message: `A part with vectors holds at most ${mostScenesWithVectors} scenes`,
  }).refine(({ scenes }) => {
    const ids = scenes.map(({ scene_id }) => scene_id).filter((id) => id !== undefined);
    return new Set(ids).size === ids.length;
  }, { path: ["scenes"], message: "A scene_id stands here twice" }).openapi("PutScenes")
);

export type PutScenes = z.infer<typeof putScenesSchema>;

export const storedPartSchema = later(() =>
  z.object({
    video_id: z.uuid(),
    revision: z.uuid(),
    part: z.int(),
    scenes: z.int().openapi({ description: "Scenes of this part" }),
    swapped: z.boolean().openapi({ description: "Whether the revision is in place" }),
    total_scenes: z.int().nullable().openapi({ description: "Scenes of the video once swapped" }),
    vectors_stored: z.boolean().openapi({
      description: "Whether vectors of this revision are kept: false without pgvector",
    }),
  }).openapi("StoredPart")
);

export type StoredPart = z.infer<typeof storedPartSchema>;

function hasVector(scene: { text_vec?: unknown; image_vec?: unknown }): boolean {
  return scene.text_vec !== undefined || scene.image_vec !== undefined;
}
