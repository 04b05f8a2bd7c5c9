import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { completedUploadSchema, completeUploadSchema } from "../schemas.ts";
import { finishUpload } from "../uploads.ts";

const route = createRoute({
  method: "post",
  path: "/upload/complete",
  operationId: "completeUpload",
  summary: "Hand an uploaded video to processing",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [
    audited("video.uploaded", { resource: "video" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: completeUploadSchema } } },
  },
  responses: {
    202: {
      description: "The file is there as announced",
      content: { "application/json": { schema: completedUploadSchema } },
    },
    ...problemResponse,
  },
});

export function registerCompleteUpload(app: App): void {
  app.openapi(route, async (c) => {
    const { video_id } = c.req.valid("json");
    noteActivity(c, {
      resourceId: video_id,
      counted: { type: "uploaded_video", data: { video_id } },
    });
    const video = await finishUpload(c.var.deps, c.var.verified, video_id);
    const message = video.state === "indexed" ? "Video is indexed" : "Video is being processed";
    return c.json({ video_id: video.video_id, state: video.state, message }, 202);
  });
}
