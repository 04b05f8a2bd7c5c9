import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import { cancelErasure } from "../../../../shared/erasure/account/read-erasure.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { erasureStatusSchema } from "../schemas.ts";
import { toErasureStatus } from "../account.ts";
import { requireErasureHolder } from "../require-erasure-holder.ts";

const route = createRoute({
  method: "delete",
  path: "/account/erasure",
  operationId: "cancelErasure",
  tags: ["auth-onboarding"],
  summary: "Cancel a deletion that is scheduled and keep the account",
  security: [{ bearer: [] }, { statusToken: [] }],
  middleware: [
    audited("user.deletion_cancelled", { resource: "erasure" }),
    requireErasureHolder(),
    limitBy("write"),
  ] as const,
  responses: {
    200: {
      description: "The erasure is cancelled",
      content: { "application/json": { schema: erasureStatusSchema } },
    },
    ...problemResponse,
  },
});

export function registerCancelErasure(app: App): void {
  app.openapi(route, async (c) => {
    const erasure = await cancelErasure(c.var.deps.database, c.var.holder);
    const { erasure_id: id } = erasure;
    // Whoever holds the status token may repeat this without a limit: it stands in the trail once.
    noteActivity(c, { resourceId: id, eventId: id });
    return c.json(toErasureStatus(erasure), 200);
  });
}
