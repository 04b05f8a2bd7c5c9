import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { personNameSchema, personSchema } from "../schemas.ts";
import { createPerson } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/",
  operationId: "createPerson",
  tags: ["people"],
  summary: "Name a person",
  security: [{ bearer: [] }],
  middleware: [
    audited("person.created", { resource: "person" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: personNameSchema } } },
  },
  responses: {
    201: {
      description: "The new person",
      content: { "application/json": { schema: personSchema } },
    },
    ...problemResponse,
  },
});

export function registerCreatePerson(app: App): void {
  app.openapi(route, async (c) => {
    const { name } = c.req.valid("json");
    const person = await c.var.deps.database.asUser(
      c.var.verified,
      (sql) => createPerson(sql, name),
    );
    noteActivity(c, { resourceId: person.person_id });
    return c.json(person, 201);
  });
}
