import { writeAudit } from "../audit.ts";
import { requireUser, type SignedInUser } from "../bearer.ts";
import type { AuthApp } from "../context.ts";
import { inTransaction, type Sql } from "../database.ts";
import { validationFailed } from "../errors.ts";

const SCOPES = ["global", "local", "others"] as const;
type Scope = (typeof SCOPES)[number];

/** POST /logout?scope=global|local|others: the sessions go, access tokens stay valid until exp. */
export function registerPostLogout(app: AuthApp): void {
  app.post("/logout", async (c) => {
    const caller = await requireUser(c);
    const asked = c.req.query("scope") || "global";
    const scope = SCOPES.find((known) => known === asked);
    if (scope === undefined) throw validationFailed(`Unsupported logout scope "${asked}"`);
    await inTransaction(c.var.services.sql, async (tx) => {
      await writeAudit(tx, caller.user, "logout", "account");
      await endSessions(tx, caller, scope);
    });
    return c.body(null, 204);
  });
}

async function endSessions(tx: Sql, caller: SignedInUser, scope: Scope): Promise<void> {
  const { user, sessionId } = caller;
  if (scope === "global" || sessionId === null) {
    await tx`delete from auth.sessions where user_id = ${user.id}`;
  } else if (scope === "local") {
    await tx`delete from auth.sessions where id = ${sessionId}`;
  } else {
    await tx`delete from auth.sessions where user_id = ${user.id} and id <> ${sessionId}`;
  }
}
