import { z } from "@hono/zod-openapi";
import {
  countQuerySchema,
  listQuerySchema,
  listSchema,
  uuidParam,
  uuidSchema,
} from "../../../shared/http/schemas.ts";
import {
  buckets,
  maxPhotoBytes,
  photoMimeTypes,
  uploadUrlSeconds,
} from "../../../shared/storage/keys.ts";

// Characters, not UTF-16 units, as the database counts them. A control character or half a
// surrogate pair cannot be stored as text or cannot be told apart on a screen.
const nameSchema = z.string().trim().normalize("NFC")
  .refine((name) => [...name].length >= 1, "Expected at least 1 character")
  .refine((name) => [...name].length <= 100, "Expected at most 100 characters")
  .refine((name) => !/[\p{Cc}\p{Cs}]/u.test(name), "Expected no control characters")
  .refine((name) => name === "" || /[^\p{C}\p{Z}]/u.test(name), "Expected a visible character")
  .openapi({ minLength: 1, maxLength: 100, example: "Minji" });

export const personSchema = z.object({
  person_id: uuidSchema,
  user_id: uuidSchema,
  name: z.string().openapi({ example: "Minji" }),
  photo_count: z.int().min(0),
  created_at: z.iso.datetime(),
}).openapi("Person");

export type Person = z.infer<typeof personSchema>;

export const personListSchema = listSchema("people", personSchema).openapi("PersonList");

export const personNameSchema = z.strictObject({ name: nameSchema }).openapi("PersonName");

export const personParamsSchema = z.object({ id: uuidParam("id") });

export const deletedPersonHeadersSchema = z.object({
  "x-erasure-id": uuidSchema.openapi({ description: "Names the erasure in its receipts" }),
});

export const personListQuerySchema = listQuerySchema.extend(countQuerySchema.shape);

export const photoRequestSchema = z.strictObject({
  content_type: z.enum(photoMimeTypes),
  size_bytes: z.int().min(1).max(maxPhotoBytes).optional(),
}).openapi("PhotoRequest");

export const photoTicketSchema = z.object({
  upload_url: z.url(),
  token: z.string(),
  bucket: z.literal(buckets.uploads),
  path: z.string(),
  photo_key: z.string(),
  expires_in: z.literal(uploadUrlSeconds),
}).openapi("PhotoTicket");

export const photoCompletionSchema = z.strictObject({
  photo_key: z.string().min(1).max(512),
}).openapi("PhotoCompletion");

export const photoStateSchema = z.object({
  person_id: uuidSchema,
  photo_count: z.int().min(0),
  message: z.string(),
}).openapi("PhotoState");
