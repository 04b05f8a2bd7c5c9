import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCalls } from "../../../../shared/http/rate-limit.ts";
import { holdAnswer } from "../../../../shared/http/hold-answer.ts";
import { mailExchange } from "../schemas.ts";
import { sendPasswordReset } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/password-reset",
  operationId: "sendPasswordReset",
  tags: ["auth-onboarding"],
  summary: "Send a mail to set a new password",
  middleware: [
    audited("user.password_reset_requested", { resource: "user" }),
    limitCalls("password_reset"),
    holdAnswer(),
  ] as const,
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
