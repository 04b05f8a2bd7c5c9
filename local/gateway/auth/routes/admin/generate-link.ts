import { z } from "zod";
import { requireAdmin } from "../../bearer.ts";
import { readBody } from "../../body.ts";
import type { AuthApp } from "../../context.ts";
import { inTransaction } from "../../database.ts";
import { objectField, textField } from "../../fields.ts";
import { prepareLink } from "../../generate-link.ts";
import { chooseRedirect } from "../../redirect-url.ts";
import { loadUserJson, normaliseEmail } from "../../users.ts";

const bodySchema = z.object({
  type: textField,
  email: textField,
  new_email: textField,
  password: textField,
  data: objectField,
  redirect_to: textField,
});

/** POST /admin/generate_link: what a mail would hold, without sending one. */
export function registerGenerateLink(app: AuthApp): void {
  app.post("/admin/generate_link", async (c) => {
    await requireAdmin(c);
    const { services } = c.var;
    const body = await readBody(c, bodySchema);
    const asked = { ...body, email: normaliseEmail(body.email) };
    const link = await inTransaction(services.sql, (tx) => prepareLink(tx, services, asked));
    const redirectTo = chooseRedirect(c, body.redirect_to);
    return c.json({
      ...await loadUserJson(services.sql, link.userId),
      action_link: services.mailer.buildLink(link.mailKind, { tokenHash: link.hash, redirectTo }),
      email_otp: link.code,
      hashed_token: link.hashedToken,
      verification_type: link.kind,
      redirect_to: redirectTo,
    });
  });
}
