import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCalls } from "../../../../shared/http/rate-limit.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { asSignedIn } from "../activity.ts";
import { refreshBodySchema, sessionSchema } from "../schemas.ts";
import { refreshSession } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/refresh",
  operationId: "refresh",
  tags: ["auth-onboarding"],
  summary: "Trade a refresh token for a new session",
  middleware: [audited("session.refreshed", { resource: "user" }), limitCalls("refresh")] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: refreshBodySchema } } },
  },
  responses: {
    200: {
      description: "The session; the refresh token is a new one",
      content: { "application/json": { schema: sessionSchema } },
    },
    ...problemResponse,
  },
});

export function registerRefresh(app: App): void {
  app.openapi(route, async (c) => {
    const { refresh_token } = c.req.valid("json");
    const session = await refreshSession(c.var.deps.auth, refresh_token);
    noteActivity(c, asSignedIn(session));
    return c.json(session, 200);
  });
}
