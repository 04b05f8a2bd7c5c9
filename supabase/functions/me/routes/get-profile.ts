import { createRoute } from "../../../../shared/http/contract.ts";
import { profileSchema, toFreshProfile, toProfile } from "../../../../shared/auth/profile.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { profileQuerySchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/",
  operationId: "getProfile",
  tags: ["me"],
  summary: "Read the own profile",
  description: "Read from the token alone, without a query: a change made elsewhere shows after " +
    "the next refresh of the session, or at once with fresh=true.",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { query: profileQuerySchema },
  responses: {
    200: {
      description: "The profile",
      content: { "application/json": { schema: profileSchema } },
    },
    ...problemResponse,
  },
});

export function registerGetProfile(app: App): void {
  app.openapi(route, async (c) => {
    const { user, token } = c.get("verified");
    if (c.req.valid("query").fresh !== "true") return c.json(toProfile(user), 200);
    const record = await c.get("deps").auth.asCaller(token).getUser();
    return c.json(toFreshProfile(record), 200);
  });
}
