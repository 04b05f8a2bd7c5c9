import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { failJob } from "../worker.ts";
import { failedJobSchema, failJobSchema, jobParamsSchema } from "../worker-schemas.ts";

const route = createRoute({
  method: "post",
  path: "/jobs/{id}/fail",
  operationId: "failJob",
  summary: "End an attempt at a job that failed",
  tags: ["videos"],
  security: [{ worker: [] }],
  middleware: [
    audited("job.failed", { resource: "job", actor: "worker" }),
    requireWorker(),
  ] as const,
  request: {
    params: jobParamsSchema,
    body: { required: true, content: { "application/json": { schema: failJobSchema } } },
  },
  responses: {
    200: {
      description: "The job, waiting for another attempt or failed",
      content: { "application/json": { schema: failedJobSchema } },
    },
    ...problemResponse,
  },
});

export function registerFailJob(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await failJob(c.var.deps, id, c.req.valid("json")), 200);
  });
}
