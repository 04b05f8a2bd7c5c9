import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { readExport, signExport } from "../exports.ts";
import { exportParamsSchema, exportSchema } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/export/{id}",
  operationId: "getExport",
  tags: ["me"],
  summary: "Read the state of an export and, once completed, where to download it",
  description: "The URLs are signed anew with each call and live an hour; the zips stay 7 days.",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: exportParamsSchema },
  responses: {
    200: { description: "The export", content: { "application/json": { schema: exportSchema } } },
    ...problemResponse,
  },
});

export function registerGetExport(app: App): void {
  app.openapi(route, async (c) => {
    const { deps, verified } = c.var;
    const { id } = c.req.valid("param");
    const row = await deps.database.asUser(verified, (sql) => readExport(sql, id));
    return c.json(await signExport(deps, row), 200);
  });
}
