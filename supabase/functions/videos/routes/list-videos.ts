import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCounts } from "../../../../shared/http/limit-counts.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { readVideoPage } from "../lists.ts";
import { listVideosQuerySchema, videoListSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/",
  operationId: "listVideos",
  summary: "List videos, newest first",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [requireUser(), limitCounts()] as const,
  request: { query: listVideosQuerySchema },
  responses: {
    200: {
      description: "One page",
      content: { "application/json": { schema: videoListSchema } },
    },
    ...problemResponse,
  },
});

export function registerListVideos(app: App): void {
  app.openapi(route, async (c) => {
    const query = c.req.valid("query");
    return c.json(await readVideoPage(c.var.deps, c.var.verified, query), 200);
  });
}
