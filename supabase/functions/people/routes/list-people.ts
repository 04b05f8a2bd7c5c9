import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { createPositionCodec } from "../cursor.ts";
import { personListQuery, personListSchema } from "../schemas.ts";
import { listPeople } from "../store.ts";

const route = createRoute({
  method: "get",
  path: "/",
  operationId: "listPeople",
  tags: ["people"],
  summary: "List the people of the caller, newest first",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { query: personListQuery },
  responses: {
    200: {
      description: "One page",
      content: { "application/json": { schema: personListSchema } },
    },
    ...problemResponse,
  },
});

export function registerListPeople(app: App): void {
  app.openapi(route, async (c) => {
    const { env, database } = c.var.deps;
    const { limit, cursor, count } = c.req.valid("query");
    const codec = await createPositionCodec(env, c.var.user.supabaseUserId);
    const after = cursor === undefined ? undefined : await codec.read(cursor);
    const page = await database.asUser(
      c.var.verified,
      (sql) => listPeople(sql, { limit, after, count: count === "exact" }),
    );
    return c.json({
      people: page.people,
      next_cursor: page.next ? await codec.write(page.next) : null,
      has_more: page.next !== undefined,
      ...(page.total === undefined ? {} : { total: page.total }),
    }, 200);
  });
}
