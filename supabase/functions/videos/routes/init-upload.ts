import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitAhead } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { initUploadHeadersSchema, initUploadSchema, uploadTicketSchema } from "../schemas.ts";
import { beginUpload } from "../uploads.ts";

const route = createRoute({
  method: "post",
  path: "/upload/init",
  operationId: "initUpload",
  summary: "Announce a video and get a URL to upload it to",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [
    audited("video.created", { resource: "video" }),
    requireUser(),
    limitAhead("write"),
  ] as const,
  request: {
    headers: initUploadHeadersSchema,
    body: { required: true, content: { "application/json": { schema: initUploadSchema } } },
  },
  responses: {
    201: {
      description: "The video waits for its file",
      content: { "application/json": { schema: uploadTicketSchema } },
    },
    ...problemResponse,
  },
});

export function registerInitUpload(app: App): void {
  app.openapi(route, async (c) => {
    const ticket = await beginUpload(
      c.var.deps,
      c.var.verified,
      c.req.valid("json"),
      c.req.valid("header")["idempotency-key"],
    );
    noteActivity(c, { resourceId: ticket.video_id });
    return c.json(ticket, 201);
  });
}
