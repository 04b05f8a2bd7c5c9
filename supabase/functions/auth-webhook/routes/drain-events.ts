import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import { createDrainContext, drain, isIdle } from "../../../../shared/events/drain-events.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { requireCron } from "../require-cron.ts";
import { drainResultSchema } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/drain",
  operationId: "drainEvents",
  tags: ["auth-webhook"],
  summary: "Work off due events and erasures; called every minute",
  security: [{ cron: [] }],
  middleware: [audited("events.drained", { actor: "cron" }), requireCron()] as const,
  responses: {
    200: {
      description: "How many events and erasures were taken, done and given back",
      content: { "application/json": { schema: drainResultSchema } },
    },
    ...problemResponse,
  },
});

export function registerDrainEvents(app: App): void {
  app.openapi(route, async (c) => {
    const result = await drain(createDrainContext(c.var.deps));
    noteActivity(c, { isNothing: isIdle(result) });
    return c.json(result, 200);
  });
}
