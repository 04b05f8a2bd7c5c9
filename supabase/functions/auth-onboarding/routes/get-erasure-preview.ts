import { createRoute } from "../../../../shared/http/contract.ts";
import { previewErasure } from "../../../../shared/erasure/account/preview-erasure.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { toErasurePreview } from "../account.ts";
import { erasurePreviewSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/account/erasure-preview",
  operationId: "getErasurePreview",
  tags: ["auth-onboarding"],
  summary: "See what deleting the own account would erase, what stays and what stands against it",
  security: [{ bearer: [] }],
  middleware: [requireUser(), limitBy("count")] as const,
  responses: {
    200: {
      description: "Counts and bytes as of now; nothing is changed",
      content: { "application/json": { schema: erasurePreviewSchema } },
    },
    ...problemResponse,
  },
});

export function registerGetErasurePreview(app: App): void {
  app.openapi(route, async (c) => {
    const preview = await previewErasure(c.var.deps.database, c.var.verified);
    return c.json(toErasurePreview(preview), 200);
  });
}
