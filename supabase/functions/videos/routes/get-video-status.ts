import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { videoParamsSchema, videoStatusSchema } from "../schemas.ts";
import { getStatus } from "../store.ts";
import { toJob } from "../videos.ts";

const route = createRoute({
  method: "get",
  path: "/{id}/status",
  operationId: "getVideoStatus",
  summary: "Read how far the processing of a video is",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: videoParamsSchema },
  responses: {
    200: {
      description: "State of the video and of each of its jobs",
      content: { "application/json": { schema: videoStatusSchema } },
    },
    ...problemResponse,
  },
});

export function registerGetVideoStatus(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    const status = await c.var.deps.database.asUser(c.var.verified, (sql) => getStatus(sql, id));
    return c.json({ ...status, jobs: status.jobs.map(toJob) }, 200);
  });
}
