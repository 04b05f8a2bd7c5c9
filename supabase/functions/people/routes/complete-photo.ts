import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { finishPhoto } from "../photos.ts";
import { personParamsSchema, photoCompletionSchema, photoStateSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/{id}/photos/complete",
  operationId: "completePhoto",
  tags: ["people"],
  summary: "Add an uploaded photo to the person",
  security: [{ bearer: [] }],
  middleware: [
    audited("person.photo_added", { resource: "person" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    params: personParamsSchema,
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
    const { id: personId } = c.req.valid("param");
    const { photo_key: key } = c.req.valid("json");
    const { photo_count } = await finishPhoto(c.var.deps, c.var.verified, { personId, key });
    const message = "The photo is stored and waits for enrollment";
    return c.json({ person_id: personId, photo_count, message }, 202);
  });
}
