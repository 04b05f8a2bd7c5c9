import { z } from "zod";
import { writeAudit } from "../audit.ts";
import { requireUser, type SignedInUser } from "../bearer.ts";
import { readBody } from "../body.ts";
import type { AuthApp, AuthContext } from "../context.ts";
import { inTransaction } from "../database.ts";
import { requestEmailChange, sendEmailChange } from "../email-change.ts";
import { AuthError } from "../errors.ts";
import { objectField, textField } from "../fields.ts";
import { assertPasswordStrong, hashPassword, verifyPassword } from "../passwords.ts";
import { challengeFields, openFlow, readChallenge } from "../pkce.ts";
import { isRecentSession, useNonce } from "../reauthentication.ts";
import { replacePassword } from "../replace-password.ts";
import { chooseRedirect } from "../redirect-url.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { loadUserJson, normaliseEmail, setUserMetadata } from "../users.ts";

const bodySchema = z.object({
  email: textField,
  phone: textField,
  password: z.string().nullish(),
  nonce: textField,
  data: objectField,
  app_metadata: objectField,
  ...challengeFields,
});

/** Changes of the signed-in user: metadata at once, password, and an address by mail. */
export function registerPutUser(app: AuthApp): void {
  app.put("/user", async (c) => {
    const { services } = c.var;
    const { user, sessionId } = await requireUser(c);
    assertWithinLimit(c, "mail");
    const body = await readBody(c, bodySchema);
    const hash = await checkUpdate(c, { user, sessionId }, body);
    const email = body.email === "" ? null : normaliseEmail(body.email);
    const change = email === null || email === user.email
      ? null
      : await requestEmailChange(services, user, email);
    await inTransaction(services.sql, async (tx) => {
      if (hash !== null) await replacePassword(tx, user, hash, sessionId);
      if (body.data !== null) await setUserMetadata(tx, user, body.data);
      await writeAudit(tx, user, "user_modified", "user");
    });
    if (change !== null) {
      const challenge = readChallenge(body);
      if (challenge) await openFlow(services.sql, user.id, "email_change", challenge);
      const wish = { redirectTo: chooseRedirect(c), isPkce: challenge !== null };
      await sendEmailChange(services, user, change, wish);
    }
    return c.json(await loadUserJson(services.sql, user.id));
  });
}

/** Refuses what this user may not change; answers the hash of a new password. */
async function checkUpdate(
  c: AuthContext,
  { user, sessionId }: Pick<SignedInUser, "user" | "sessionId">,
  body: z.output<typeof bodySchema>,
): Promise<string | null> {
  const { services } = c.var;
  const { settings } = services;
  const password = body.password ?? null;
  if (password !== null) assertPasswordStrong(password, settings);
  if (body.app_metadata !== null && user.role !== "admin") {
    const message = "Updating app_metadata requires admin privileges";
    throw new AuthError(403, "not_admin", message);
  }
  if (body.phone !== "") {
    throw new AuthError(400, "phone_provider_disabled", "Unsupported phone provider");
  }
  if (password === null) return null;
  if (settings.securePasswordChange && !await isRecentSession(services.sql, sessionId)) {
    await useNonce(services, user, body.nonce);
  }
  if (await verifyPassword(password, user.encrypted_password)) {
    const message = "New password should be different from the old password.";
    throw new AuthError(422, "same_password", message);
  }
  return await hashPassword(password, settings.bcryptCost);
}
