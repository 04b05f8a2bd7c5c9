import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import { createErasureContext } from "../../../../shared/erasure/context.ts";
import { receiveEvent } from "../../../../shared/events/receive-event.ts";
import { eventBodySchema, toUserEvent } from "../../../../shared/events/schemas.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { requireSignature } from "../require-signature.ts";
import { eventAnswerSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/",
  operationId: "receiveEvent",
  tags: ["auth-webhook"],
  summary: "Receive an event about a user, signed as Standard Webhooks says",
  description: "The same webhook-id gets the same answer and runs nothing twice. A refused or " +
    "failed request is forgotten, so that it can be sent again under its id.",
  security: [{ webhook: [] }],
  middleware: [
    audited("webhook.received", { resource: "user", actor: "webhook" }),
    requireSignature(),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: eventBodySchema } } },
  },
  responses: {
    200: {
      description: "The event is taken; a deletion says how far its erasure has come",
      content: { "application/json": { schema: eventAnswerSchema } },
    },
    ...problemResponse,
  },
});

export function registerReceiveEvent(app: App): void {
  app.openapi(route, async (c) => {
    const event = toUserEvent(c.var.signed.id, c.req.valid("json"));
    const { erasureId, state } = await receiveEvent(createErasureContext(c.var.deps), event);
    const { id, type } = event;
    noteActivity(c, { userId: event.userId });
    return c.json({ status: "ok" as const, event_id: id, type, erasure_id: erasureId, state }, 200);
  });
}
