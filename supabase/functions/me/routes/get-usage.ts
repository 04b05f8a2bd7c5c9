import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { usageSchema } from "../schemas.ts";
import { readUsage } from "../store.ts";

const route = createRoute({
  method: "get",
  path: "/usage",
  operationId: "getUsage",
  tags: ["me"],
  summary: "Count what the own account holds and may still upload today",
  security: [{ bearer: [] }],
  middleware: [requireUser(), limitBy("count")] as const,
  responses: {
    200: {
      description: "Uploads of the UTC day against the limit of the tier, and counts",
      content: { "application/json": { schema: usageSchema } },
    },
    ...problemResponse,
  },
});

export function registerGetUsage(app: App): void {
  app.openapi(route, async (c) => {
    const { database } = c.var.deps;
    const usage = await database.asUser(c.var.verified, (sql) => readUsage(sql, c.var.user));
    return c.json(usage, 200);
  });
}
