import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { findHits } from "../find-hits.ts";
import { searchQuerySchema, searchResponseSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/",
  operationId: "getSearch",
  summary: "Search the scenes of the caller's videos",
  tags: ["search"],
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
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
    return c.json(await findHits(c.var.deps, c.var.verified, request), 200);
  });
}
