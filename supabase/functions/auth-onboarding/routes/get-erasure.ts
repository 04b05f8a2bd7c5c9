import { createRoute } from "../../../../shared/http/contract.ts";
import { readErasure } from "../../../../shared/erasure/account/read-erasure.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { erasureStatusSchema } from "../schemas.ts";
import { toErasureStatus } from "../account.ts";
import { requireErasureHolder } from "../require-erasure-holder.ts";

const route = createRoute({
  method: "get",
  path: "/account/erasure",
  operationId: "getErasure",
  tags: ["auth-onboarding"],
  summary: "See how far the erasure is, also when the account is gone",
  security: [{ bearer: [] }, { statusToken: [] }],
  middleware: [requireErasureHolder()] as const,
  responses: {
    200: {
      description: "Where the erasure stands, with the newest receipt when there is one",
      content: { "application/json": { schema: erasureStatusSchema } },
    },
    ...problemResponse,
  },
});

export function registerGetErasure(app: App): void {
  app.openapi(route, async (c) => {
    const erasure = await readErasure(c.var.deps.database, c.var.holder);
    return c.json(toErasureStatus(erasure), 200);
  });
}
