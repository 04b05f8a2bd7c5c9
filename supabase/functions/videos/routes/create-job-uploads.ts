import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { createJobUploads } from "../worker.ts";
import { createJobUploadsSchema, jobParamsSchema, jobUploadsSchema } from "../worker-schemas.ts";

const route = createRoute({
  method: "post",
  path: "/jobs/{id}/uploads",
  operationId: "createJobUploads",
  summary: "Sign uploads of thumbnails and the sidecar",
  tags: ["videos"],
  security: [{ worker: [] }],
  middleware: [
    audited("job.uploads_signed", { resource: "job", actor: "worker" }),
    requireWorker(),
  ] as const,
  request: {
    params: jobParamsSchema,
    body: { required: true, content: { "application/json": { schema: createJobUploadsSchema } } },
  },
  responses: {
    201: {
      description: "URLs that take one file each",
      content: { "application/json": { schema: jobUploadsSchema } },
    },
    ...problemResponse,
  },
});

export function registerCreateJobUploads(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await createJobUploads(c.var.deps, id, c.req.valid("json")), 201);
  });
}
