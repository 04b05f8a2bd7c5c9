import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { listQuerySchema, problemResponse } from "../../../../shared/http/schemas.ts";
import { readPersonScenePage } from "../lists.ts";
import { personParamsSchema, personSceneListSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/{id}/scenes",
  operationId: "listPersonScenes",
  tags: ["people"],
  summary: "List the scenes in which a person appears, the surest first",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: personParamsSchema, query: listQuerySchema },
  responses: {
    200: {
      description: "One page",
      content: { "application/json": { schema: personSceneListSchema } },
    },
    ...problemResponse,
  },
});

export function registerListPersonScenes(app: App): void {
  app.openapi(route, async (c) => {
    const asked = { personId: c.req.valid("param").id, ...c.req.valid("query") };
    return c.json(await readPersonScenePage(c.var.deps, c.var.verified, asked), 200);
  });
}
