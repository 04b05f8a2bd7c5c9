import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { deletedPersonHeadersSchema, personParamsSchema } from "../schemas.ts";

const route = createRoute({
  method: "delete",
  path: "/{id}",
  operationId: "deletePerson",
  tags: ["people"],
  summary: "Delete a person with all photos, vectors and links to scenes",
  security: [{ bearer: [] }],
  middleware: [
    audited("person.deleted", { resource: "person" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: { params: personParamsSchema },
  responses: {
    204: { description: "The person is gone", headers: deletedPersonHeadersSchema },
    ...problemResponse,
  },
});

export function registerDeletePerson(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    // Loaded here: the engine of erasures is a third of the function, and nothing else needs it.
    const { erasePerson } = await import("../erase-person.ts");
    c.header("x-erasure-id", await erasePerson(c.var.deps, c.var.verified, id));
    return c.body(null, 204);
  });
}
