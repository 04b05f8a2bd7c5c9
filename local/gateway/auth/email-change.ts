import type { AuthServices } from "./context.ts";
import type { UserRow } from "./database.ts";
import { AuthError } from "./errors.ts";
import { assertMailPause, createOneTimeToken, type OneTimeToken } from "./one-time-tokens.ts";
import type { LinkWish } from "./mailer.ts";
import { findUserByEmail } from "./users.ts";

/** A pending change: the new mailbox always confirms, the old one when the project asks for it. */
export interface EmailChange {
  email: string;
  current: OneTimeToken | null;
  next: OneTimeToken;
}

/** Refuses a taken address or a too frequent change; prepares the tokens of an allowed one. */
export async function requestEmailChange(
  services: AuthServices,
  user: UserRow,
  email: string,
): Promise<EmailChange> {
  const { settings, sql } = services;
  if (await findUserByEmail(sql, email)) throw emailExists();
  assertMailPause(user.email_change_sent_at, settings.emailFrequencySeconds);
  const needsBoth = settings.secureEmailChange && (user.email ?? "") !== "";
  return {
    email,
    current: needsBoth ? await createOneTimeToken(user.email ?? "", settings.otpLength) : null,
    next: await createOneTimeToken(email, settings.otpLength),
  };
}

export const emailExists = () =>
  new AuthError(
    422,
    "email_exists",
    "A user with this email address has already been registered",
  );

/** Stores the tokens and mails each to its mailbox. */
export async function sendEmailChange(
  services: AuthServices,
  user: UserRow,
  change: EmailChange,
  wish: LinkWish,
): Promise<void> {
  const { current, next, email } = change;
  await services.sql`
    update auth.users
    set email_change = ${email}, email_change_token_current = ${current?.hash ?? null},
        email_change_token_new = ${next.hash}, email_change_confirm_status = 0,
        email_change_sent_at = now(), updated_at = now()
    where id = ${user.id}`;
  const send = (to: string, token: OneTimeToken) =>
    services.mailer.send("email_change", {
      to,
      tokenHash: token.hash,
      code: token.code,
      ...wish,
    });
  if (current !== null) await send(user.email ?? "", current);
  await send(email, next);
}
