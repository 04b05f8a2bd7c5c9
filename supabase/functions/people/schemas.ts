import * as z from "zod";
import { later } from "../../../shared/later.ts";
import {
  countQuerySchema,
  lineSchema,
  listQuerySchema,
  listSchema,
  nameSchema,
  uuidParam,
  uuidSchema,
} from "../../../shared/http/schemas.ts";
import { base64VectorSchema } from "../../../shared/http/vector-schema.ts";
import {
  buckets,
  maxPhotoBytes,
  photoMimeTypes,
  uploadUrlSeconds,
} from "../../../shared/storage/keys.ts";

const personName = later(() => nameSchema(100).openapi({ example: "Minji" }));

export const personSchema = later(() =>
  z.object({
    person_id: uuidSchema,
    user_id: uuidSchema,
    name: z.string().openapi({ example: "Minji" }),
    photo_count: z.int().min(0),
    created_at: z.iso.datetime(),
  }).openapi("Person")
);

export type Person = z.infer<typeof personSchema>;

export const personListSchema = later(() =>
  listSchema("people", personSchema).openapi("PersonList")
);

export const personNameSchema = later(() =>
  z.strictObject({ name: personName }).openapi("PersonName")
);

export const personParamsSchema = later(() => z.object({ id: uuidParam("id") }));

export const deletedPersonHeadersSchema = later(() =>
  z.object({
    "x-erasure-id": uuidSchema.openapi({ description: "Names the erasure in its receipts" }),
  })
);

export const personListQuerySchema = later(() =>
  listQuerySchema.extend(countQuerySchema.shape).extend({
    q: lineSchema(100).optional().openapi({
      param: { name: "q", in: "query" },
      description: "How the name begins, in any case",
      example: "min",
    }),
  })
);

export const mergeSchema = later(() =>
  z.strictObject({
    into: uuidSchema.openapi({ description: "The person who stays, with the own name" }),
  }).openapi("PeopleMerge")
);

export const personSceneSchema = later(() =>
  z.object({
    scene_id: uuidSchema,
    video_id: uuidSchema,
    video_title: z.string().nullable(),
    start_s: z.number().openapi({ description: "Seconds from the start of the video" }),
    end_s: z.number(),
    transcript: z.string().nullable(),
    thumbnail_url: z.url().nullable().openapi({ description: "Lives one hour" }),
    confidence: z.number().openapi({ description: "From 0 to 1" }),
    frame_count: z.int(),
  }).openapi("PersonScene")
);

export type PersonScene = z.infer<typeof personSceneSchema>;

export const personSceneListSchema = later(() =>
  listSchema("scenes", personSceneSchema)
    .openapi("PersonSceneList")
);

/** The length of a face vector. Source: column face_vectors.adaface_vec. */
export const faceDimensions = 512;

export const faceVectorSchema = later(() =>
  z.strictObject({ vector: base64VectorSchema(faceDimensions) })
    .openapi("FaceVector")
);

export const photoRequestSchema = later(() =>
  z.strictObject({
    content_type: z.enum(photoMimeTypes),
    size_bytes: z.int().min(1).max(maxPhotoBytes).optional(),
  }).openapi("PhotoRequest")
);

export const photoTicketSchema = later(() =>
  z.object({
    upload_url: z.url(),
    token: z.string(),
    bucket: z.literal(buckets.uploads),
    path: z.string(),
    photo_key: z.string(),
    expires_in: z.literal(uploadUrlSeconds),
  }).openapi("PhotoTicket")
);

export const photoCompletionSchema = later(() =>
  z.strictObject({
    photo_key: z.string().min(1).max(512),
  }).openapi("PhotoCompletion")
);

export const photoStateSchema = later(() =>
  z.object({
    person_id: uuidSchema,
    photo_count: z.int().min(0),
    message: z.string(),
  }).openapi("PhotoState")
);
