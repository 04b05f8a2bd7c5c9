import { z } from "zod";
import { writeAudit } from "./audit.ts";
import { readBody } from "./body.ts";
import type { AuthContext } from "./context.ts";
import { inTransaction, type Metadata } from "./database.ts";
import { AuthError, validationFailed } from "./errors.ts";
import { textField } from "./fields.ts";
import { verifyPassword } from "./passwords.ts";
import { readClient } from "./request-client.ts";
import { openSession } from "./sessions.ts";
import { findUserByEmail, isBanned } from "./users.ts";

const bodySchema = z.object({ email: textField, phone: textField, password: textField });

const invalidCredentials = () =>
  new AuthError(400, "invalid_credentials", "Invalid login credentials");

/** The order of the refusals is Supabase Auth's: unknown, banned, wrong password, unconfirmed. */
export async function grantByPassword(c: AuthContext): Promise<Metadata> {
  const { services } = c.var;
  const { email, phone, password } = await readBody(c, bodySchema);
  assertOneAddress(email, phone);
  const user = await findUserByEmail(services.sql, email);
  if (!user || user.encrypted_password === null) throw invalidCredentials();
  if (isBanned(user)) throw new AuthError(400, "user_banned", "User is banned");
  if (!await verifyPassword(password, user.encrypted_password)) throw invalidCredentials();
  if (user.email_confirmed_at === null) {
    throw new AuthError(400, "email_not_confirmed", "Email not confirmed");
  }
  return await inTransaction(services.sql, async (tx) => {
    await writeAudit(tx, user, "login", "account", { provider: "email" });
    const session = await openSession(tx, services, user, "password", readClient(c));
    return { ...session, weak_password: null };
  });
}

function assertOneAddress(email: string, phone: string): void {
  if (email !== "" && phone !== "") {
    throw validationFailed("Only an email address or phone number should be provided on login.");
  }
  if (phone !== "") {
    throw new AuthError(400, "phone_provider_disabled", "Phone logins are disabled");
  }
  if (email === "") throw validationFailed("missing email or phone");
}
