import { z } from "zod";
import { writeAudit } from "../audit.ts";
import { readBody } from "../body.ts";
import type { AuthApp, AuthContext } from "../context.ts";
import type { UserRow } from "../database.ts";
import { requestEmailChange, sendEmailChange } from "../email-change.ts";
import { AuthError, validationFailed } from "../errors.ts";
import { textField } from "../fields.ts";
import { assertMailPause, sendConfirmation } from "../one-time-tokens.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { chooseRedirect } from "../redirect-url.ts";
import { findUserByEmail, normaliseEmail } from "../users.ts";

const TYPES = ["signup", "email_change", "sms", "phone_change"];

const bodySchema = z.object({ type: textField, email: textField, phone: textField });

/** Sends a confirmation once more; an unknown or confirmed address gets 200 and no mail. */
export function registerPostResend(app: AuthApp): void {
  app.post("/resend", async (c) => {
    assertWithinLimit(c, "mail");
    const body = await readBody(c, bodySchema);
    assertResendable(body);
    const user = await findUserByEmail(c.var.services.sql, normaliseEmail(body.email));
    if (user && body.type === "signup") await resendSignup(c, user);
    if (user && body.type === "email_change") await resendEmailChange(c, user);
    return c.json({});
  });
}

function assertResendable(body: z.output<typeof bodySchema>): void {
  if (!TYPES.includes(body.type)) {
    throw validationFailed("Missing one of these types: signup, email_change, sms, phone_change");
  }
  if (body.email === "" && (body.type === "signup" || body.type === "email_change")) {
    throw validationFailed("Type provided requires an email address");
  }
  if (body.email === "") {
    throw new AuthError(400, "phone_provider_disabled", "Phone logins are disabled");
  }
}

async function resendSignup(c: AuthContext, user: UserRow): Promise<void> {
  const { services } = c.var;
  if (user.email_confirmed_at !== null) return;
  assertMailPause(user.confirmation_sent_at, services.settings.emailFrequencySeconds);
  await writeAudit(services.sql, user, "user_confirmation_requested", "user");
  await sendConfirmation(services.sql, services, user, "signup", readWish(c));
}

async function resendEmailChange(c: AuthContext, user: UserRow): Promise<void> {
  if (!user.email_change) return;
  const change = await requestEmailChange(c.var.services, user, user.email_change);
  await sendEmailChange(c.var.services, user, change, readWish(c));
}

// A resent link ends the implicit flow, in Supabase Auth too.
const readWish = (c: AuthContext) => ({ redirectTo: chooseRedirect(c), isPkce: false });
