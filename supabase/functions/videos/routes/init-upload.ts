import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
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
  middleware: [requireUser()] as const,
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
    return c.json(ticket, 201);
  });
}
