import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { findHits } from "../find-hits.ts";
import { searchBodySchema, searchResponseSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/",
  operationId: "postSearch",
  summary: "Search with the request in the body",
  tags: ["search"],
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
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
    return c.json(await findHits(c.var.deps, c.var.verified, request), 200);
  });
}
