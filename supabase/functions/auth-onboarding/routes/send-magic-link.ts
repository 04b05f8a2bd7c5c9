import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCalls } from "../../../../shared/http/rate-limit.ts";
import { holdAnswer } from "../../../../shared/http/hold-answer.ts";
import { mailExchange } from "../schemas.ts";
import { sendMagicLink } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/magic-link",
  operationId: "sendMagicLink",
  tags: ["auth-onboarding"],
  summary: "Send a sign-in link",
  middleware: [
    audited("user.magic_link_requested", { resource: "user" }),
    limitCalls("magic_link"),
    holdAnswer(),
  ] as const,
  ...mailExchange,
});

export function registerSendMagicLink(app: App): void {
  app.openapi(route, async (c) => {
    await sendMagicLink(c.var.deps.auth, c.req.valid("json"));
    const message =
      "If an account with this address exists, a mail with a sign-in link is on its way";
    return c.json({ message }, 202);
  });
}
