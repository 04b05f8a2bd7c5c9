import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { buckets, photoKey } from "../../../../shared/storage/keys.ts";
import { requireFaceEnrollment, requirePhotoRoom } from "../people.ts";
import { personParamsSchema, photoRequestSchema, photoTicketSchema } from "../schemas.ts";
import { readPhotoRoom } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/{id}/photos",
  operationId: "createPhoto",
  tags: ["people"],
  summary: "Get a signed URL for the upload of a photo",
  security: [{ bearer: [] }],
  middleware: [
    audited("person.photo_requested", { resource: "person" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    params: personParamsSchema,
    body: { required: true, content: { "application/json": { schema: photoRequestSchema } } },
  },
  responses: {
    201: {
      description: "Where to upload the photo",
      content: { "application/json": { schema: photoTicketSchema } },
    },
    ...problemResponse,
  },
});

export function registerCreatePhoto(app: App): void {
  app.openapi(route, async (c) => {
    const { env, database, objects, now } = c.var.deps;
    requireFaceEnrollment(env);
    const { id: personId } = c.req.valid("param");
    requirePhotoRoom(await database.asUser(c.var.verified, (sql) => readPhotoRoom(sql, personId)));
    const { token, path, uploadUrl, expiresIn } = await objects.createUploadUrl(
      buckets.uploads,
      photoKey({
        userId: c.var.user.supabaseUserId,
        personId,
        time: now(),
        random: crypto.randomUUID().slice(0, 8),
        mimeType: c.req.valid("json").content_type,
      }),
    );
    const where = { bucket: buckets.uploads, path, photo_key: path };
    return c.json({ upload_url: uploadUrl, token, ...where, expires_in: expiresIn }, 201);
  });
}
