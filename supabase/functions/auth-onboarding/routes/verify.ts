import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { holdAnswer } from "../../../../shared/http/hold-answer.ts";
import { limitCalls } from "../../../../shared/http/rate-limit.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { asSignedIn } from "../activity.ts";
import { messageSchema, sessionSchema, verifyBodySchema } from "../schemas.ts";
import { verifyCode } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/verify",
  operationId: "verify",
  tags: ["auth-onboarding"],
  summary: "Sign in with the link or the code of a mail",
  middleware: [
    audited("user.verified", { resource: "user" }),
    limitCalls("verify"),
    holdAnswer({ refusalsOnly: true }),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: verifyBodySchema } } },
  },
  responses: {
    200: {
      description: "The session",
      content: { "application/json": { schema: sessionSchema } },
    },
    202: {
      description: "A change of address waits for the confirmation in the other mail",
      content: { "application/json": { schema: messageSchema } },
    },
    ...problemResponse,
  },
});

export function registerVerify(app: App): void {
  app.openapi(route, async (c) => {
    const session = await verifyCode(c.var.deps.auth, c.req.valid("json"));
    if (session) {
      noteActivity(c, asSignedIn(session));
      return c.json(session, 200);
    }
    return c.json(
      { message: "Confirmed, now follow the link in the mail to the other address" },
      202,
    );
  });
}
