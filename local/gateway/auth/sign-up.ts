import { z } from "zod";
import { writeAudit } from "./audit.ts";
import type { AuthContext } from "./context.ts";
import { inTransaction, type Metadata, type UserRow } from "./database.ts";
import { AuthError, unexpectedFailure, validationFailed } from "./errors.ts";
import { objectField, textField } from "./fields.ts";
import { callLite } from "./lite-backend.ts";
import { assertMailPause, sendConfirmation } from "./one-time-tokens.ts";
import { assertPasswordStrong } from "./passwords.ts";
import { type Challenge, challengeFields, openFlow, readChallenge } from "./pkce.ts";
import { chooseRedirect } from "./redirect-url.ts";
import { readClient } from "./request-client.ts";
import { openSession } from "./sessions.ts";
import { confirmEmail, findUserByEmail, loadUserJson, normaliseEmail } from "./users.ts";

/** The body of POST /signup. */
export const signUpSchema = z.object({
  email: textField,
  phone: textField,
  password: textField,
  data: objectField,
  ...challengeFields,
});

/** What is wanted of a sign-up whose fields have been checked. */
interface Wish {
  email: string;
  password: string;
  data: Metadata;
  challenge: Challenge | null;
}

/** lite creates a new user; what a known address is told is ours. Answers a user or a session. */
export async function signUp(
  c: AuthContext,
  body: z.output<typeof signUpSchema>,
): Promise<Metadata> {
  assertSignupAllowed(c, body);
  const wish = {
    email: normaliseEmail(body.email),
    password: body.password,
    data: body.data ?? {},
    challenge: readChallenge(body),
  };
  const known = await findUserByEmail(c.var.services.sql, wish.email);
  return known ? await answerKnownAddress(c, known, wish) : await createAccount(c, wish);
}

async function createAccount(c: AuthContext, wish: Wish): Promise<Metadata> {
  const { sql, settings } = c.var.services;
  const { email, password, data, challenge } = wish;
  const body = { email, password, data };
  const failure = await callLite(c, "/signup", { body, isPkce: challenge !== null })
    .then(() => null, (error: unknown) => ({ error }));
  const user = await findUserByEmail(sql, email);
  if (!user) throw failure?.error ?? unexpectedFailure("Database error saving new user");
  // Another request for the same address came first.
  if (failure) return await answerKnownAddress(c, user, wish);
  if (challenge) await openFlow(sql, user.id, "email/signup", challenge);
  return settings.autoconfirm ? await openFirstSession(c, user) : await loadUserJson(sql, user.id);
}

function assertSignupAllowed(c: AuthContext, body: z.output<typeof signUpSchema>): void {
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
  wish: Wish,
): Promise<Metadata> {
  const { services } = c.var;
  const { settings, sql } = services;
  if (user.email_confirmed_at !== null) {
    await writeAudit(sql, user, "user_repeated_signup", "user", { provider: "email" });
    if (!settings.autoconfirm) return createDecoy(user, wish.data);
    throw new AuthError(422, "user_already_exists", "User already registered");
  }
  if (settings.autoconfirm) {
    await confirmEmail(sql, user.id);
    return await openFirstSession(c, user);
  }
  assertMailPause(user.confirmation_sent_at, settings.emailFrequencySeconds);
  await mailConfirmation(c, user, wish.challenge);
  await writeAudit(sql, user, "user_confirmation_requested", "user", { provider: "email" });
  return await loadUserJson(sql, user.id);
}

async function mailConfirmation(
  c: AuthContext,
  user: UserRow,
  challenge: Challenge | null,
): Promise<void> {
  const { services } = c.var;
  if (challenge) await openFlow(services.sql, user.id, "email/signup", challenge);
  const link = { redirectTo: chooseRedirect(c), isPkce: challenge !== null };
  await sendConfirmation(services.sql, services, user, "signup", link);
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
