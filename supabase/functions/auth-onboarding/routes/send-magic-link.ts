import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { mailExchange } from "../schemas.ts";
import { sendMagicLink } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/magic-link",
  operationId: "sendMagicLink",
  tags: ["auth-onboarding"],
  summary: "Send a sign-in link",
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
