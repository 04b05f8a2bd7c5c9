import { z } from "zod";
import { writeAudit } from "../audit.ts";
import { readBody } from "../body.ts";
import type { AuthApp, AuthContext } from "../context.ts";
import { inTransaction, type Metadata, type UserRow } from "../database.ts";
import { AuthError, unexpectedFailure, validationFailed } from "../errors.ts";
import { objectField, textField } from "../fields.ts";
import { callLite } from "../lite-backend.ts";
import { assertMailPause, sendConfirmation } from "../one-time-tokens.ts";
import { assertPasswordStrong } from "../passwords.ts";
import { type Challenge, challengeFields, openFlow, readChallenge } from "../pkce.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { chooseRedirect } from "../redirect-url.ts";
import { readClient } from "../request-client.ts";
import { openSession } from "../sessions.ts";
import { confirmEmail, findUserByEmail, loadUserJson, normaliseEmail } from "../users.ts";

const bodySchema = z.object({
  email: textField,
  phone: textField,
  password: textField,
  data: objectField,
  ...challengeFields,
});

/** lite creates a new user; what a known address is told is ours. */
export function registerPostSignup(app: AuthApp): void {
  app.post("/signup", async (c) => {
    assertWithinLimit(c, "mail");
    const body = await readBody(c, bodySchema);
    return c.json(await signUp(c, body));
  });
}

export async function signUp(
  c: AuthContext,
  body: z.output<typeof bodySchema>,
): Promise<Metadata> {
  const { services } = c.var;
  assertSignupAllowed(c, body);
  const email = normaliseEmail(body.email);
  const challenge = readChallenge(body);
  const data = body.data ?? {};
  const known = await findUserByEmail(services.sql, email);
  if (known) return await answerKnownAddress(c, known, data, challenge);
  const asked = { email, password: body.password, data };
  await callLite(c, "/signup", { body: asked, isPkce: challenge !== null });
  const user = await findUserByEmail(services.sql, email);
  if (!user) throw unexpectedFailure("Database error saving new user");
  if (challenge) await openFlow(services.sql, user.id, "email/signup", challenge);
  return services.settings.autoconfirm
    ? await openFirstSession(c, user)
    : await loadUserJson(services.sql, user.id);
}

function assertSignupAllowed(c: AuthContext, body: z.output<typeof bodySchema>): void {
  const { settings } = c.var.services;
  if (settings.disableSignup) {
    throw new AuthError(422, "signup_disabled", "Signups not allowed for this instance");
  }
  if (body.email === "" && body.phone === "") {
    throw new AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled");
  }
  if (body.password === "") throw validationFailed("Signup requires a valid password");
  assertPasswordStrong(body.password, settings);
  if (body.email !== "" && body.phone !== "") {
    throw validationFailed("Only an email address or phone number should be provided on signup.");
  }
  if (body.email === "") {
    throw new AuthError(400, "phone_provider_disabled", "Phone signups are disabled");
  }
}

/** lite opened a session of its own; its token is none of ours, so it goes. */
async function openFirstSession(c: AuthContext, user: UserRow): Promise<Metadata> {
  const { services } = c.var;
  return await inTransaction(services.sql, async (tx) => {
    await tx`delete from auth.sessions where user_id = ${user.id}`;
    return await openSession(tx, services, user, "password", readClient(c));
  });
}

/** Never tells, where mails are confirmed, that an address has a confirmed user. */
async function answerKnownAddress(
  c: AuthContext,
  user: UserRow,
  data: Metadata,
  challenge: Challenge | null,
): Promise<Metadata> {
  const { services } = c.var;
  const { settings, sql } = services;
  if (user.email_confirmed_at !== null) {
    await writeAudit(sql, user, "user_repeated_signup", "user", { provider: "email" });
    if (!settings.autoconfirm) return createDecoy(user, data);
    throw new AuthError(422, "user_already_exists", "User already registered");
  }
  if (settings.autoconfirm) {
    await confirmEmail(sql, user.id);
    return await openFirstSession(c, user);
  }
  assertMailPause(user.confirmation_sent_at, settings.emailFrequencySeconds);
  if (challenge) await openFlow(sql, user.id, "email/signup", challenge);
  const wish = { redirectTo: chooseRedirect(c), isPkce: challenge !== null };
  await sendConfirmation(sql, services, user, "signup", wish);
  await writeAudit(sql, user, "user_confirmation_requested", "user", { provider: "email" });
  return await loadUserJson(sql, user.id);
}

function createDecoy(user: UserRow, data: Metadata): Metadata {
  const id = crypto.randomUUID();
  const now = new Date().toISOString();
  const email = user.email ?? "";
  return {
    id,
    aud: "authenticated",
    role: "authenticated",
    email,
    phone: "",
    confirmation_sent_at: now,
    app_metadata: { provider: "email", providers: ["email"] },
    user_metadata: { ...data, email, email_verified: false, phone_verified: false, sub: id },
    identities: [],
    created_at: now,
    updated_at: now,
    is_anonymous: false,
  };
}
