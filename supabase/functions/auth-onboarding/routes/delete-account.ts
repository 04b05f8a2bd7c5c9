import { createRoute } from "../../../../shared/http/contract.ts";
import { audited, noteActivity } from "../../../../shared/audit/audited.ts";
import { deleteAccount } from "../../../../shared/erasure/account/delete-account.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { deletionBodySchema, deletionTicketSchema } from "../schemas.ts";
import { requireJsonBody } from "../require-json-body.ts";
import { toDeletionTicket } from "../account.ts";

const route = createRoute({
  method: "delete",
  path: "/account",
  operationId: "deleteAccount",
  tags: ["auth-onboarding"],
  summary: "Delete the own account and everything stored for it, at once or at a given time",
  description: "Confirmed by the password, or, in a session opened without one, by a sign-in of " +
    "the last 5 minutes; with the second factor where the account has one.",
  security: [{ bearer: [] }],
  middleware: [
    audited("user.deletion_requested", { resource: "erasure" }),
    requireUser(),
    limitBy("write"),
    requireJsonBody(),
  ] as const,
  request: { body: { content: { "application/json": { schema: deletionBodySchema } } } },
  responses: {
    202: {
      description: "The erasure; its status token is shown this once and outlives the account",
      content: { "application/json": { schema: deletionTicketSchema } },
    },
    ...problemResponse,
  },
});

export function registerDeleteAccount(app: App): void {
  app.openapi(route, async (c) => {
    const { password, effective_at: effectiveAt, immediate } = c.req.valid("json");
    const wish = { password, effectiveAt, immediate };
    const ticket = await deleteAccount(c.var.deps, c.var.verified, wish);
    noteActivity(c, { resourceId: ticket.erasureId });
    return c.json(toDeletionTicket(ticket), 202);
  });
}
