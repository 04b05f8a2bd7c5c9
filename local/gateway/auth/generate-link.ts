import { describeSubject, writeAudit } from "./audit.ts";
import type { AuthServices } from "./context.ts";
import type { Metadata, Sql, UserRow } from "./database.ts";
import { emailExists } from "./email-change.ts";
import { AuthError, unexpectedFailure, validationFailed } from "./errors.ts";
import type { MailKind } from "./mail-templates.ts";
import { createOneTimeToken, hashOneTimeToken, storeConfirmation } from "./one-time-tokens.ts";
import { assertPasswordStrong, hashPassword } from "./passwords.ts";
import {
  findUserByEmail,
  findUserById,
  insertUser,
  normaliseEmail,
  setUserMetadata,
} from "./users.ts";

const KINDS = [
  "signup",
  "magiclink",
  "invite",
  "recovery",
  "email_change_current",
  "email_change_new",
] as const;
type LinkKind = (typeof KINDS)[number];

export interface LinkRequest {
  type: string;
  email: string;
  new_email: string;
  password: string;
  data: Metadata | null;
}

export interface PreparedLink {
  userId: string;
  kind: LinkKind;
  mailKind: MailKind;
  /** What the link carries. */
  hash: string;
  /**
   * What is answered as `hashed_token`: of the present address, which for email_change_new is not
   * what the link carries and verifies nothing. Supabase Auth does so; use the link or the code.
   */
  hashedToken: string;
  code: string;
}

/** Stores the token of a link for an existing user, or creates the user it is for. */
export async function prepareLink(
  tx: Sql,
  services: AuthServices,
  asked: LinkRequest,
): Promise<PreparedLink> {
  const known = await findUserByEmail(tx, asked.email);
  const kind = chooseKind(asked.type, known);
  const isChange = kind === "email_change_new";
  const address = isChange ? normaliseEmail(asked.new_email) : asked.email;
  const token = await createOneTimeToken(address, services.settings.otpLength);
  const user = known ?? await createInvited(tx, services, asked, kind);
  await storeToken(tx, services, user, { asked, kind, hash: token.hash, isNew: known === null });
  const mailKind = kind === "email_change_current" || isChange ? "email_change" : kind;
  const hashedToken = isChange ? await hashOneTimeToken(asked.email, token.code) : token.hash;
  return { userId: user.id, kind, mailKind, hashedToken, ...token };
}

function chooseKind(type: string, known: UserRow | null): LinkKind {
  const kind = KINDS.find((each) => each === type);
  if (kind === undefined) {
    throw validationFailed(`Invalid email action link type requested: ${type}`);
  }
  if (known === null && kind === "magiclink") return "signup";
  if (known === null && kind !== "signup" && kind !== "invite") {
    throw new AuthError(404, "user_not_found", "User with this email not found");
  }
  const isFirst = kind === "signup" || kind === "invite";
  if (known !== null && isFirst && known.email_confirmed_at !== null) throw emailExists();
  return kind;
}

async function createInvited(
  tx: Sql,
  services: AuthServices,
  asked: LinkRequest,
  kind: LinkKind,
): Promise<UserRow> {
  const { settings } = services;
  let encryptedPassword: string | null = null;
  if (kind === "signup") {
    const password = asked.type === "magiclink" ? null : asked.password;
    if (password === "") throw validationFailed("Signup requires a valid password");
    if (password !== null) assertPasswordStrong(password, settings);
    encryptedPassword = await hashPassword(password, settings.bcryptCost);
  }
  return await createUnconfirmed(tx, asked.email, encryptedPassword, asked.data ?? {});
}

/** A user who has still to confirm the address, as sign-up and invitations make them. */
export async function createUnconfirmed(
  tx: Sql,
  email: string,
  encryptedPassword: string | null,
  data: Metadata,
): Promise<UserRow> {
  const id = crypto.randomUUID();
  const userMetadata = { ...data, sub: id, email, email_verified: false, phone_verified: false };
  const aud = "authenticated";
  await insertUser(tx, { id, aud, email, phone: null, encryptedPassword, userMetadata });
  const user = await findUserById(tx, id);
  if (!user) throw unexpectedFailure("Database error saving new user");
  return user;
}

async function storeToken(
  tx: Sql,
  services: AuthServices,
  user: UserRow,
  link: { asked: LinkRequest; kind: LinkKind; hash: string; isNew: boolean },
): Promise<void> {
  const { asked, kind, hash, isNew } = link;
  if (kind === "signup" || kind === "invite") {
    if (kind === "signup" && !isNew && asked.data) await setUserMetadata(tx, user, asked.data);
    if (kind === "invite") {
      await writeAudit(tx, null, "user_invited", "team", describeSubject(user));
    }
    return await storeConfirmation(tx, user.id, hash, kind);
  }
  if (kind === "magiclink" || kind === "recovery") {
    await writeAudit(tx, user, "user_recovery_requested", "user");
    await tx`
      update auth.users
      set recovery_token = ${hash}, recovery_sent_at = now(), updated_at = now()
      where id = ${user.id}`;
    return;
  }
  await storeChange(tx, services, user, kind, asked.new_email, hash);
}

async function storeChange(
  tx: Sql,
  services: AuthServices,
  user: UserRow,
  kind: "email_change_current" | "email_change_new",
  newEmail: string,
  hash: string,
): Promise<void> {
  if (kind === "email_change_current" && !services.settings.secureEmailChange) {
    throw validationFailed("Enable secure email change to generate link for current email");
  }
  const email = normaliseEmail(newEmail);
  if (await findUserByEmail(tx, email)) throw emailExists();
  const column = kind === "email_change_current"
    ? "email_change_token_current"
    : "email_change_token_new";
  await tx`
    update auth.users
    set ${tx(column)} = ${hash}, email_change = ${email}, email_change_confirm_status = 0,
        email_change_sent_at = now(), updated_at = now()
    where id = ${user.id}`;
}
