import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { listQuerySchema, problemResponse } from "../../../../shared/http/schemas.ts";
import { readScenePage } from "../lists.ts";
import { sceneListSchema, videoParamsSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/{id}/scenes",
  operationId: "listScenes",
  summary: "List the scenes of a video in playing order",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: videoParamsSchema, query: listQuerySchema },
  responses: {
    200: { description: "One page", content: { "application/json": { schema: sceneListSchema } } },
    ...problemResponse,
  },
});

export function registerListScenes(app: App): void {
  app.openapi(route, async (c) => {
    const asked = { videoId: c.req.valid("param").id, ...c.req.valid("query") };
    return c.json(await readScenePage(c.var.deps, c.var.verified, asked), 200);
  });
}
