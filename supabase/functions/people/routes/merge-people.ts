import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { mergeSchema, personParamsSchema, personSchema } from "../schemas.ts";
import { mergePeople } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/{id}/merge",
  operationId: "mergePeople",
  tags: ["people"],
  summary: "Make this person part of another one",
  description: "Scenes, photos and face vector go over, and this person is gone.",
  security: [{ bearer: [] }],
  middleware: [
    audited("person.merged", { resource: "person" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    params: personParamsSchema,
    body: { required: true, content: { "application/json": { schema: mergeSchema } } },
  },
  responses: {
    200: {
      description: "The person who stays",
      content: { "application/json": { schema: personSchema } },
    },
    ...problemResponse,
  },
});

export function registerMergePeople(app: App): void {
  app.openapi(route, async (c) => {
    const { id: personId } = c.req.valid("param");
    const { into } = c.req.valid("json");
    const person = await c.var.deps.database.asUser(
      c.var.verified,
      (sql) => mergePeople(sql, { personId, into }),
    );
    return c.json(person, 200);
  });
}
