import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
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
  middleware: [requireUser()] as const,
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
    return c.body(null, 204);
  });
}
