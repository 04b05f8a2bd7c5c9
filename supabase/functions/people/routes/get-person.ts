import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { personParamsSchema, personSchema } from "../schemas.ts";
import { readPerson } from "../store.ts";

const route = createRoute({
  method: "get",
  path: "/{id}",
  operationId: "getPerson",
  tags: ["people"],
  summary: "Read one person",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: personParamsSchema },
  responses: {
    200: { description: "The person", content: { "application/json": { schema: personSchema } } },
    ...problemResponse,
  },
});

export function registerGetPerson(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    const person = await c.var.deps.database.asUser(c.var.verified, (sql) => readPerson(sql, id));
    return c.json(person, 200);
  });
}
