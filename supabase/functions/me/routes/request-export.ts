import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { requestExport } from "../exports.ts";
import { openExportSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/export",
  operationId: "requestExport",
  tags: ["me"],
  summary: "Ask for a copy of everything stored about the own account",
  description: "Starts a job, or joins the one that is open. At most 3 exports are completed in " +
    "24 hours; after that the answer is 429 with Retry-After.",
  security: [{ bearer: [] }],
  middleware: [
    audited("export.requested", { resource: "export" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  responses: {
    202: {
      description: "The export that is under way",
      content: { "application/json": { schema: openExportSchema } },
    },
    ...problemResponse,
  },
});

export function registerRequestExport(app: App): void {
  app.openapi(route, async (c) => {
    const { database } = c.var.deps;
    const opened = await database.asUser(c.var.verified, (sql) => requestExport(sql));
    noteActivity(c, { resourceId: opened.export_id });
    return c.json(opened, 202);
  });
}
