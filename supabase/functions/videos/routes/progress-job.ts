import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { progressJob } from "../worker.ts";
import { jobParamsSchema, jobProgressSchema, progressJobSchema } from "../worker-schemas.ts";

const route = createRoute({
  method: "post",
  path: "/jobs/{id}/progress",
  operationId: "progressJob",
  summary: "Report progress and extend the lease of a job",
  tags: ["videos"],
  security: [{ worker: [] }],
  middleware: [
    audited("job.progressed", { resource: "job", actor: "worker" }),
    requireWorker(),
  ] as const,
  request: {
    params: jobParamsSchema,
    body: { required: true, content: { "application/json": { schema: progressJobSchema } } },
  },
  responses: {
    200: {
      description: "The job, held anew",
      content: { "application/json": { schema: jobProgressSchema } },
    },
    ...problemResponse,
  },
});

export function registerProgressJob(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await progressJob(c.var.deps, id, c.req.valid("json")), 200);
  });
}
