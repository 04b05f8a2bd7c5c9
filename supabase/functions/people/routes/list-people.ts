import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCounts } from "../../../../shared/http/limit-counts.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { readPeoplePage } from "../lists.ts";
import { personListQuerySchema, personListSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/",
  operationId: "listPeople",
  tags: ["people"],
  summary: "List the people of the caller, newest first",
  security: [{ bearer: [] }],
  middleware: [requireUser(), limitCounts()] as const,
  request: { query: personListQuerySchema },
  responses: {
    200: {
      description: "One page",
      content: { "application/json": { schema: personListSchema } },
    },
    ...problemResponse,
  },
});

export function registerListPeople(app: App): void {
  app.openapi(route, async (c) => {
    const query = c.req.valid("query");
    return c.json(await readPeoplePage(c.var.deps, c.var.verified, query), 200);
  });
}
