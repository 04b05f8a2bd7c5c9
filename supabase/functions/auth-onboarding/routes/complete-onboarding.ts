import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import { changedProfileSchema } from "../../../../shared/auth/profile.ts";
import { updateOwnProfile } from "../../../../shared/auth/update-profile.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitAhead } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { onboardingBodySchema } from "../schemas.ts";
import { toConsents, toMetadata } from "../store.ts";

const route = createRoute({
  method: "post",
  path: "/onboarding",
  operationId: "completeOnboarding",
  tags: ["auth-onboarding"],
  summary: "Finish the onboarding",
  description: "Writes only what changed and records the decision about mails.",
  security: [{ bearer: [] }],
  middleware: [
    audited("user.onboarded", { resource: "user" }),
    requireUser(),
    limitAhead("write"),
  ] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: onboardingBodySchema } } },
  },
  responses: {
    200: {
      description: "The profile after the change",
      content: { "application/json": { schema: changedProfileSchema } },
    },
    ...problemResponse,
  },
});

export function registerCompleteOnboarding(app: App): void {
  app.openapi(route, async (c) => {
    const body = c.req.valid("json");
    const { deps, verified } = c.var;
    const profile = await updateOwnProfile(deps, verified, toMetadata(body), toConsents(body));
    noteActivity(c, { resourceId: profile.id, counted: { type: "onboarded" } });
    return c.json(profile, 200);
  });
}
