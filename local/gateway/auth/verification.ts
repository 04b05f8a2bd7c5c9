import type { AuthServices } from "./context.ts";
import { jsonOf, type Sql, type UserRow } from "./database.ts";
import { AuthError, validationFailed } from "./errors.ts";
import { hashOneTimeToken, isExpired } from "./one-time-tokens.ts";
import { writeAudit } from "./audit.ts";
import { confirmEmail, findUserById, isBanned, normaliseEmail } from "./users.ts";

const KINDS = ["signup", "invite", "recovery", "magiclink", "email_change", "email"] as const;
export type VerificationKind = (typeof KINDS)[number];

/** What the first of two confirmations of an address change answers. */
export const FIRST_CONFIRMATION =
  "Confirmation link accepted. Please proceed to confirm link sent to the other email";

type TokenColumn =
  | "confirmation_token"
  | "recovery_token"
  | "email_change_token_current"
  | "email_change_token_new";

const COLUMNS: Record<VerificationKind, readonly TokenColumn[]> = {
  signup: ["confirmation_token"],
  invite: ["confirmation_token"],
  recovery: ["recovery_token"],
  magiclink: ["recovery_token"],
  email_change: ["email_change_token_current", "email_change_token_new"],
  email: ["confirmation_token", "recovery_token"],
};

/** A code with its address, or the hash a link carries. */
export type Proof = { email: string; code: string } | { tokenHash: string };

/** The user a valid token belongs to, and the column that held it. */
export interface Verified {
  user: UserRow;
  column: TokenColumn;
}

export function readVerificationKind(text: string): VerificationKind {
  if (text === "") throw validationFailed("Verify requires a verification type");
  const kind = KINDS.find((known) => known === text);
  if (kind === undefined) throw validationFailed("Invalid email verification type");
  return kind;
}

/** Finds and locks the user of a token; 403 otp_expired when it is unknown or too old. */
export async function findVerified(
  tx: Sql,
  services: AuthServices,
  kind: VerificationKind,
  proof: Proof,
): Promise<Verified> {
  const refusal = new AuthError(
    403,
    "otp_expired",
    "tokenHash" in proof
      ? "Email link is invalid or has expired"
      : "Token has expired or is invalid",
  );
  const hash = "tokenHash" in proof
    ? proof.tokenHash
    : await hashOneTimeToken(normaliseEmail(proof.email), proof.code.replaceAll("-", ""));
  const verified = await findByHash(tx, COLUMNS[kind], hash);
  if (!verified) throw refusal;
  if (isBanned(verified.user)) throw new AuthError(403, "user_banned", "User is banned");
  const sentAt = sentAtOf(verified);
  if (isExpired(sentAt, services.settings.otpExpirySeconds)) throw refusal;
  return verified;
}

async function findByHash(
  tx: Sql,
  columns: readonly TokenColumn[],
  hash: string,
): Promise<Verified | null> {
  for (const column of columns) {
    const [user] = await tx<UserRow[]>`
      select * from auth.users
      where ${tx(column)} = ${hash} and is_sso_user = false for update`;
    if (user) return { user, column };
  }
  return null;
}

function sentAtOf({ user, column }: Verified): Date | null {
  if (column === "confirmation_token") return user.confirmation_sent_at;
  return column === "recovery_token" ? user.recovery_sent_at : user.email_change_sent_at;
}

/**
 * Uses the token up and does what it was for. Answers the user to sign in, or null after the
 * first of the two confirmations of an address change.
 */
export async function applyVerification(
  tx: Sql,
  services: AuthServices,
  verified: Verified,
): Promise<UserRow | null> {
  const { user, column } = verified;
  if (column === "confirmation_token") {
    await writeAudit(tx, user, "user_signedup", "team");
    await confirmSignup(tx, user);
  } else if (column === "recovery_token") {
    await useRecovery(tx, user);
  } else {
    const isFirst = services.settings.secureEmailChange &&
      (user.email_change_confirm_status ?? 0) === 0 && (user.email ?? "") !== "";
    if (isFirst) {
      await noteFirstConfirmation(tx, verified);
      return null;
    }
    await writeAudit(tx, user, "user_modified", "user");
    await completeEmailChange(tx, user);
  }
  return await findUserById(tx, user.id);
}

async function confirmSignup(tx: Sql, user: UserRow): Promise<void> {
  await confirmEmail(tx, user.id);
  await tx`
    update auth.identities
    set identity_data = identity_data || '{"email_verified": true}'::jsonb, updated_at = now()
    where user_id = ${user.id} and email = ${user.email}`;
}

async function useRecovery(tx: Sql, user: UserRow): Promise<void> {
  await tx`
    update auth.users set recovery_token = null, updated_at = now() where id = ${user.id}`;
  if (user.email_confirmed_at === null) {
    await writeAudit(tx, user, "user_signedup", "team");
    await confirmEmail(tx, user.id);
  } else {
    await writeAudit(tx, user, "login", "account");
  }
}

async function noteFirstConfirmation(tx: Sql, { user, column }: Verified): Promise<void> {
  await tx`
    update auth.users
    set email_change_confirm_status = 1, ${tx(column)} = null, updated_at = now()
    where id = ${user.id}`;
}

async function completeEmailChange(tx: Sql, user: UserRow): Promise<void> {
  const email = user.email_change ?? "";
  await tx`
    update auth.users
    set email = ${email}, email_change = null, email_change_token_current = null,
        email_change_token_new = null, email_change_confirm_status = 0, updated_at = now()
    where id = ${user.id}`;
  if (user.email_confirmed_at === null) await confirmEmail(tx, user.id);
  await tx`
    update auth.identities
    set identity_data = identity_data || ${jsonOf(tx, { email, email_verified: true })},
        updated_at = now()
    where user_id = ${user.id} and provider = 'email'`;
}
