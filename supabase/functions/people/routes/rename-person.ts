import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { personNameSchema, personParamsSchema, personSchema } from "../schemas.ts";
import { renamePerson } from "../store.ts";

const route = createRoute({
  method: "patch",
  path: "/{id}",
  operationId: "renamePerson",
  tags: ["people"],
  summary: "Rename a person",
  security: [{ bearer: [] }],
  middleware: [
    audited("person.renamed", { resource: "person" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    params: personParamsSchema,
    body: { required: true, content: { "application/json": { schema: personNameSchema } } },
  },
  responses: {
    200: {
      description: "The renamed person",
      content: { "application/json": { schema: personSchema } },
    },
    ...problemResponse,
  },
});

export function registerRenamePerson(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    const { name } = c.req.valid("json");
    const person = await c.var.deps.database.asUser(
      c.var.verified,
      (sql) => renamePerson(sql, id, name),
    );
    return c.json(person, 200);
  });
}
