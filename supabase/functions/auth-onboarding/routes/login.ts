import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { loginBodySchema, sessionSchema } from "../schemas.ts";
import { signIn } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/login",
  operationId: "login",
  tags: ["auth-onboarding"],
  summary: "Sign in with e-mail and password",
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
    return c.json(await signIn(c.var.deps.auth, c.req.valid("json")), 200);
  });
}
