import { createRoute } from "@hono/zod-openapi";
import { handleEvent } from "../../../../shared/events/handle-event.ts";
import { eventBodySchema, toUserEvent } from "../../../../shared/events/schemas.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { requireSignature } from "../require-signature.ts";
import { eventReceiptSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/",
  operationId: "receiveEvent",
  tags: ["auth-webhook"],
  summary: "Receive an event about a user, signed as Standard Webhooks says",
  security: [{ webhook: [] }],
  middleware: [requireSignature()] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: eventBodySchema } } },
  },
  responses: {
    200: {
      description: "What the event asked for is done",
      content: { "application/json": { schema: eventReceiptSchema } },
    },
    ...problemResponse,
  },
});

export function registerReceiveEvent(app: App): void {
  app.openapi(route, async (c) => {
    const event = toUserEvent(c.var.signed.id, c.req.valid("json"));
    const outcome = await handleEvent(c.var.deps, event);
    const { id, type, userId } = event;
    return c.json({ event_id: id, type, user_id: userId, outcome }, 200);
  });
}
