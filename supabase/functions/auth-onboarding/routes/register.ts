import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitCalls } from "../../../../shared/http/rate-limit.ts";
import { holdAnswer } from "../../../../shared/http/hold-answer.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { asSignedIn } from "../activity.ts";
import { messageSchema, registerBodySchema, sessionSchema } from "../schemas.ts";
import { signUp } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/register",
  operationId: "register",
  tags: ["auth-onboarding"],
  summary: "Register with e-mail and password",
  description: "Answers the same for known and unknown addresses: the mail tells which it is.",
  middleware: [
    audited("user.registration_requested", { resource: "user" }),
    limitCalls("register"),
    holdAnswer(),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: registerBodySchema } } },
  },
  responses: {
    201: {
      description: "A session, where the project does not ask to confirm addresses",
      content: { "application/json": { schema: sessionSchema } },
    },
    202: {
      description: "A confirmation mail is on its way",
      content: { "application/json": { schema: messageSchema } },
    },
    ...problemResponse,
  },
});

export function registerRegister(app: App): void {
  app.openapi(route, async (c) => {
    const session = await signUp(c.var.deps.auth, c.req.valid("json"));
    if (session) {
      noteActivity(c, asSignedIn(session));
      return c.json(session, 201);
    }
    const message = "If this address can be registered, a confirmation mail is on its way";
    return c.json({ message }, 202);
  });
}
