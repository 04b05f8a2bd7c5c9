import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { mailExchange } from "../schemas.ts";
import { sendPasswordReset } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/password-reset",
  operationId: "sendPasswordReset",
  tags: ["auth-onboarding"],
  summary: "Send a mail to set a new password",
  ...mailExchange,
});

export function registerSendPasswordReset(app: App): void {
  app.openapi(route, async (c) => {
    await sendPasswordReset(c.var.deps.auth, c.req.valid("json"));
    const message =
      "If an account with this address exists, a mail to set a new password is on its way";
    return c.json({ message }, 202);
  });
}
