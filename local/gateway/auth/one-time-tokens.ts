import type { AuthServices } from "./context.ts";
import type { LinkWish } from "./mailer.ts";
import type { Sql, UserRow } from "./database.ts";
import { AuthError } from "./errors.ts";

/** A code for people and the hash by which the database knows it. */
export interface OneTimeToken {
  code: string;
  hash: string;
}

export async function createOneTimeToken(email: string, length: number): Promise<OneTimeToken> {
  const digits = crypto.getRandomValues(new Uint32Array(length));
  const code = Array.from(digits, (digit) => digit % 10).join("");
  return { code, hash: await hashOneTimeToken(email, code) };
}

/** SHA-256 of address and code in hex: the form lite stores (Supabase Auth uses SHA-224). */
export async function hashOneTimeToken(email: string, code: string): Promise<string> {
  const bytes = new TextEncoder().encode(email.toLowerCase() + code);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** True when a mail of that time has expired; one that was never sent has too. */
export function isExpired(sentAt: Date | null, lifeSeconds: number): boolean {
  return sentAt === null || Date.now() > sentAt.getTime() + lifeSeconds * 1000;
}

/** 429 when the user got such a mail a moment ago. */
export function assertMailPause(sentAt: Date | null, pauseSeconds: number): void {
  if (sentAt === null) return;
  const left = Math.ceil((sentAt.getTime() + pauseSeconds * 1000 - Date.now()) / 1000);
  if (left <= 0) return;
  throw new AuthError(
    429,
    "over_email_send_rate_limit",
    `For security purposes, you can only request this after ${left} seconds.`,
  );
}

/** Stores a confirmation token and mails it, for a user who has not confirmed yet. */
export async function sendConfirmation(
  sql: Sql,
  services: AuthServices,
  user: UserRow,
  kind: "signup" | "invite",
  wish: LinkWish,
): Promise<void> {
  const email = user.email ?? "";
  const token = await createOneTimeToken(email, services.settings.otpLength);
  await storeConfirmation(sql, user.id, token.hash, kind);
  await services.mailer.send(kind, {
    to: email,
    tokenHash: token.hash,
    code: token.code,
    ...wish,
  });
}

export async function storeConfirmation(
  sql: Sql,
  userId: string,
  hash: string,
  kind: "signup" | "invite",
): Promise<void> {
  await sql`
    update auth.users
    set confirmation_token = ${hash}, confirmation_sent_at = now(), updated_at = now(),
        invited_at = case when ${kind === "invite"} then now() else invited_at end
    where id = ${userId}`;
}
