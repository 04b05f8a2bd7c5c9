import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { readLargeBody } from "../../../../shared/http/read-body.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { videoParamsSchema } from "../schemas.ts";
import { putScenes } from "../worker.ts";
import { maxSceneBytes, putScenesSchema, storedPartSchema } from "../worker-schemas.ts";

const route = createRoute({
  method: "put",
  path: "/{id}/scenes",
  operationId: "putScenes",
  summary: "Stage one part of a video's scenes, and swap all in with the final one",
  tags: ["videos"],
  security: [{ worker: [] }],
  middleware: [
    audited("video.scenes_received", { resource: "video", actor: "worker" }),
    requireWorker(),
    readLargeBody(maxSceneBytes),
  ] as const,
  request: {
    params: videoParamsSchema,
    body: { required: true, content: { "application/json": { schema: putScenesSchema } } },
  },
  responses: {
    200: {
      description: "The part is kept; swapped tells whether the scenes are in place",
      content: { "application/json": { schema: storedPartSchema } },
    },
    ...problemResponse,
  },
});

export function registerPutScenes(app: App): void {
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await putScenes(c.var.deps, id, c.req.valid("json")), 200);
  });
}
