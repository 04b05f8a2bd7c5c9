import { z } from "zod";
import { readBody } from "../body.ts";
import type { AuthApp, AuthContext } from "../context.ts";
import { AuthError, validationFailed } from "../errors.ts";
import { objectField, textField } from "../fields.ts";
import { callLite } from "../lite-backend.ts";
import { assertMailPause } from "../one-time-tokens.ts";
import { createRandomPassword } from "../passwords.ts";
import { challengeFields, openFlow, readChallenge } from "../pkce.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { signUp } from "../sign-up.ts";
import { findUserByEmail, normaliseEmail } from "../users.ts";

const bodySchema = z.object({
  email: textField,
  phone: textField,
  create_user: z.boolean().nullish().transform((value) => value ?? true),
  data: objectField,
  ...challengeFields,
});

type Body = z.output<typeof bodySchema>;

/** Magic link or code by mail. An unconfirmed or new address gets a confirmation mail instead. */
export function registerPostOtp(app: AuthApp): void {
  app.post("/otp", async (c) => {
    assertWithinLimit(c, "mail");
    const body = await readBody(c, bodySchema);
    assertOneAddress(body);
    await sendMagicLink(c, body);
    return c.json({});
  });
  app.post("/magiclink", async (c) => {
    assertWithinLimit(c, "mail");
    const body = await readBody(c, bodySchema);
    if (body.email === "") throw validationFailed("Password recovery requires an email", 422);
    await sendMagicLink(c, { ...body, create_user: true });
    return c.json({});
  });
}

function assertOneAddress(body: Body): void {
  if (body.email !== "" && body.phone !== "") {
    throw validationFailed("Only an email address or phone number should be provided");
  }
  if (body.phone !== "") {
    throw new AuthError(400, "phone_provider_disabled", "Unsupported phone provider");
  }
  if (body.email === "") throw validationFailed("One of email or phone must be set");
}

async function sendMagicLink(c: AuthContext, body: Body): Promise<void> {
  const { services } = c.var;
  const email = normaliseEmail(body.email);
  let user = await findUserByEmail(services.sql, email);
  if (!user && !body.create_user) {
    throw new AuthError(422, "otp_disabled", "Signups not allowed for otp");
  }
  if (!user || user.email_confirmed_at === null) {
    const password = createRandomPassword();
    await signUp(c, { ...body, email, phone: "", password });
    if (!services.settings.autoconfirm) return;
    user = await findUserByEmail(services.sql, email);
  }
  assertMailPause(user?.recovery_sent_at ?? null, services.settings.emailFrequencySeconds);
  const challenge = readChallenge(body);
  if (user && challenge) await openFlow(services.sql, user.id, "magiclink", challenge);
  const asked = { email, create_user: false };
  await callLite(c, "/otp", { body: asked, isPkce: challenge !== null });
}
