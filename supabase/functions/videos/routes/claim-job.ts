import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { claimJob } from "../worker.ts";
import { claimedJobSchema, claimJobSchema } from "../worker-schemas.ts";

const route = createRoute({
  method: "post",
  path: "/jobs/claim",
  operationId: "claimJob",
  summary: "Take the next due job",
  tags: ["videos"],
  security: [{ worker: [] }],
  middleware: [
    audited("job.claimed", { resource: "job", actor: "worker" }),
    requireWorker(),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: claimJobSchema } } },
  },
  responses: {
    200: {
      description: "A job, held until its lease runs out",
      content: { "application/json": { schema: claimedJobSchema } },
    },
    204: { description: "Nothing is due" },
    ...problemResponse,
  },
});

export function registerClaimJob(app: App): void {
  app.openapi(route, async (c) => {
    const claimed = await claimJob(c.var.deps, c.req.valid("json"));
    noteActivity(c, claimed ? { resourceId: claimed.job.job_id } : { isNothing: true });
    return claimed ? c.json(claimed, 200) : c.body(null, 204);
  });
}
