import { createRoute } from "@hono/zod-openapi";
import { AppError } from "../../../../shared/errors/app-error.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { readPhotoKey } from "../../../../shared/storage/keys.ts";
import { requireFaceEnrollment } from "../people.ts";
import { checkUploadedPhoto } from "../photos.ts";
import { personParams, photoCompletionSchema, photoStateSchema } from "../schemas.ts";
import { addPersonPhoto, readPerson } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/{id}/photos/complete",
  operationId: "completePhoto",
  tags: ["people"],
  summary: "Add an uploaded photo to the person",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: {
    params: personParams,
    body: { required: true, content: { "application/json": { schema: photoCompletionSchema } } },
  },
  responses: {
    202: {
      description: "The photo belongs to the person",
      content: { "application/json": { schema: photoStateSchema } },
    },
    ...problemResponse,
  },
});

export function registerCompletePhoto(app: App): void {
  app.openapi(route, async (c) => {
    const { env, database, objects } = c.var.deps;
    requireFaceEnrollment(env);
    const { id: personId } = c.req.valid("param");
    const { photo_key: key } = c.req.valid("json");
    await database.asUser(c.var.verified, (sql) => readPerson(sql, personId));
    const announced = readPhotoKey(key, { userId: c.var.user.supabaseUserId, personId });
    if (!announced) {
      throw new AppError("photo_not_found", "No photo of this person has this key");
    }
    await checkUploadedPhoto(objects, key, announced);
    const person = await database.asUser(
      c.var.verified,
      (sql) => addPersonPhoto(sql, personId, key),
    );
    const message = "The photo is stored and waits for enrollment";
    return c.json({ person_id: personId, photo_count: person.photo_count, message }, 202);
  });
}
