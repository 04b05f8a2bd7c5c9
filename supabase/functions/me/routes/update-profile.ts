import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import { changedProfileSchema } from "../../../../shared/auth/profile.ts";
import { updateOwnProfile } from "../../../../shared/auth/update-profile.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitAhead } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { profileChangesSchema } from "../schemas.ts";
import { toConsents, toMetadata } from "../store.ts";

const route = createRoute({
  method: "patch",
  path: "/",
  operationId: "updateProfile",
  tags: ["me"],
  summary: "Change the own profile, preferences and consents",
  description: "Only the named fields change. The answer is the fresh profile; refresh the " +
    "session so that the token says the same.",
  security: [{ bearer: [] }],
  middleware: [
    audited("user.profile_changed", { resource: "user" }),
    requireUser(),
    limitAhead("write"),
  ] as const,
  request: {
    body: {
      required: true,
      content: { "application/json": { schema: profileChangesSchema } },
    },
  },
  responses: {
    200: {
      description: "The profile after the change",
      content: { "application/json": { schema: changedProfileSchema } },
    },
    ...problemResponse,
  },
});

export function registerUpdateProfile(app: App): void {
  app.openapi(route, async (c) => {
    const changes = c.req.valid("json");
    const profile = await updateOwnProfile(
      c.var.deps,
      c.var.verified,
      toMetadata(changes),
      toConsents(changes),
    );
    noteActivity(c, { resourceId: profile.id });
    return c.json(profile, 200);
  });
}
