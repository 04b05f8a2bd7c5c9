import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { completeJob } from "../worker.ts";
import { completedJobSchema, completeJobSchema, jobParamsSchema } from "../worker-schemas.ts";

const route = createRoute({
  method: "post",
  path: "/jobs/{id}/complete",
  operationId: "completeJob",
  summary: "Complete a job and queue what follows",
  tags: ["videos"],
  security: [{ worker: [] }],
  middleware: [
    audited("job.completed", { resource: "job", actor: "worker" }),
    requireWorker(),
  ] as const,
  request: {
    params: jobParamsSchema,
    body: { required: true, content: { "application/json": { schema: completeJobSchema } } },
  },
  responses: {
    200: {
      description: "The job, completed",
      content: { "application/json": { schema: completedJobSchema } },
    },
    ...problemResponse,
  },
});

export function registerCompleteJob(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await completeJob(c.var.deps, id, c.req.valid("json")), 200);
  });
}
