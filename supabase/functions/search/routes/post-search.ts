import { createRoute } from "../../../../shared/http/contract.ts";
import { counted, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { toCounted } from "../activity.ts";
import { findHits } from "../find-hits.ts";
import { searchBodySchema, searchResponseSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/",
  operationId: "postSearch",
  summary: "Search with the request in the body",
  tags: ["search"],
  security: [{ bearer: [] }],
  middleware: [counted("searched"), requireUser(), limitBy("search")] as const,
  request: {
    body: { required: true, content: { "application/json": { schema: searchBodySchema } } },
  },
  responses: {
    200: {
      description: "One page of hits, best first",
      content: { "application/json": { schema: searchResponseSchema } },
    },
    ...problemResponse,
  },
});

export function registerPostSearch(app: App): void {
  app.openapi(route, async (c) => {
    const request = c.req.valid("json");
    const found = await findHits(c.var.deps, c.var.verified, request);
    noteActivity(c, toCounted(request, found));
    return c.json(found, 200);
  });
}
