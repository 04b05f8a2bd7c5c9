import { z } from "zod";
import { describeSubject, writeAudit } from "../audit.ts";
import { requireAdmin } from "../bearer.ts";
import { readBody } from "../body.ts";
import type { AuthApp } from "../context.ts";
import { inTransaction } from "../database.ts";
import { emailExists } from "../email-change.ts";
import { objectField, textField } from "../fields.ts";
import { createUnconfirmed } from "../generate-link.ts";
import { sendConfirmation } from "../one-time-tokens.ts";
import { chooseRedirect } from "../redirect-url.ts";
import { findUserByEmail, loadUserJson, normaliseEmail } from "../users.ts";

const bodySchema = z.object({ email: textField, data: objectField });

/** POST /invite: a user without a password, and a mail whose link signs them in. */
export function registerPostInvite(app: AuthApp): void {
  app.post("/invite", async (c) => {
    await requireAdmin(c);
    const { services } = c.var;
    const body = await readBody(c, bodySchema);
    const email = normaliseEmail(body.email);
    const known = await findUserByEmail(services.sql, email);
    if (known && known.email_confirmed_at !== null) throw emailExists();
    const user = await inTransaction(services.sql, async (tx) => {
      const invited = known ?? await createUnconfirmed(tx, email, null, body.data ?? {});
      await writeAudit(tx, null, "user_invited", "team", describeSubject(invited));
      return invited;
    });
    await sendConfirmation(services.sql, services, user, "invite", {
      redirectTo: chooseRedirect(c),
      isPkce: false,
    });
    return c.json(await loadUserJson(services.sql, user.id));
  });
}
