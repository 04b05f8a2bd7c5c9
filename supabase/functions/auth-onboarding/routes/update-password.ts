import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitAhead } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { passwordBodySchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/password-update",
  operationId: "updatePassword",
  tags: ["auth-onboarding"],
  summary: "Set a new password",
  description: "Ends all other sessions of the user. A session older than 24 hours gets 401 " +
    "reauthentication_required unless nonce is the code of a reauthentication mail, which " +
    "GET /auth/v1/reauthenticate sends.",
  security: [{ bearer: [] }],
  middleware: [
    audited("user.password_changed", { resource: "user" }),
    requireUser(),
    limitAhead("session"),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: passwordBodySchema } } },
  },
  responses: {
    204: { description: "The password is changed" },
    ...problemResponse,
  },
});

export function registerUpdatePassword(app: App): void {
  app.openapi(route, async (c) => {
    const { password, current_password, nonce } = c.req.valid("json");
    await c.var.deps.auth.asCaller(c.var.verified.token).updateUser({
      password,
      ...(current_password === undefined ? {} : { current_password }),
      ...(nonce === undefined ? {} : { nonce }),
    });
    noteActivity(c, { resourceId: c.var.user.supabaseUserId });
    return c.body(null, 204);
  });
}
