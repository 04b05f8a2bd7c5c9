import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCalls } from "../../../../shared/http/rate-limit.ts";
import { holdAnswer } from "../../../../shared/http/hold-answer.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { asSignedIn } from "../activity.ts";
import { loginBodySchema, sessionSchema } from "../schemas.ts";
import { signIn } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/login",
  operationId: "login",
  tags: ["auth-onboarding"],
  summary: "Sign in with e-mail and password",
  middleware: [
    audited("user.signed_in", { resource: "user" }),
    limitCalls("login"),
    holdAnswer({ refusalsOnly: true }),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: loginBodySchema } } },
  },
  responses: {
    200: {
      description: "The session",
      content: { "application/json": { schema: sessionSchema } },
    },
    ...problemResponse,
  },
});

export function registerLogin(app: App): void {
  app.openapi(route, async (c) => {
    const session = await signIn(c.var.deps.auth, c.req.valid("json"));
    noteActivity(c, asSignedIn(session));
    return c.json(session, 200);
  });
}
