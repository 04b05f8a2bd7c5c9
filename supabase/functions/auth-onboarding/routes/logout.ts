import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitAhead } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { logoutBodySchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/logout",
  operationId: "logout",
  tags: ["auth-onboarding"],
  summary: "End sessions",
  security: [{ bearer: [] }],
  middleware: [
    audited("session.ended", { resource: "user" }),
    requireUser(),
    limitAhead("session"),
  ] as const,
  request: {
    body: { content: { "application/json": { schema: logoutBodySchema } } },
  },
  responses: {
    204: { description: "The sessions are over; their tokens are refused at once" },
    ...problemResponse,
  },
});

export function registerLogout(app: App): void {
  app.openapi(route, async (c) => {
    const { scope = "global" } = c.req.valid("json");
    await c.var.deps.auth.asCaller(c.var.verified.token).signOut(scope);
    noteActivity(c, { resourceId: c.var.user.supabaseUserId });
    return c.body(null, 204);
  });
}
