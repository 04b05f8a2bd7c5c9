import { createRoute } from "../../../../shared/http/contract.ts";
import { counted, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { toCounted } from "../activity.ts";
import { findHits } from "../find-hits.ts";
import { searchQuerySchema, searchResponseSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/",
  operationId: "getSearch",
  summary: "Search the scenes of the caller's videos",
  tags: ["search"],
  security: [{ bearer: [] }],
  middleware: [counted("searched"), requireUser(), limitBy("search")] as const,
  request: { query: searchQuerySchema },
  responses: {
    200: {
      description: "One page of hits, best first",
      content: { "application/json": { schema: searchResponseSchema } },
    },
    ...problemResponse,
  },
});

export function registerGetSearch(app: App): void {
  app.openapi(route, async (c) => {
    const request = c.req.valid("query");
    const found = await findHits(c.var.deps, c.var.verified, request);
    noteActivity(c, toCounted(request, found));
    return c.json(found, 200);
  });
}
