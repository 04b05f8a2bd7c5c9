import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { videoParamsSchema } from "../schemas.ts";
import { deleteVideo } from "../uploads.ts";

const route = createRoute({
  method: "delete",
  path: "/{id}",
  operationId: "deleteVideo",
  summary: "Delete a video with its objects and scenes",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [
    audited("video.deleted", { resource: "video" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: { params: videoParamsSchema },
  responses: {
    204: { description: "Nothing of the video is left" },
    ...problemResponse,
  },
});

export function registerDeleteVideo(app: App): void {
  app.openapi(route, async (c) => {
    await deleteVideo(c.var.deps, c.var.verified, c.req.valid("param").id);
    return c.body(null, 204);
  });
}
