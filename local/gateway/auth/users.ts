import type { IdentityRow, Metadata, Sql, UserRow } from "./database.ts";
import { jsonOf } from "./database.ts";
import { AuthError, validationFailed } from "./errors.ts";
import { mergeMetadata } from "./metadata.ts";
import { toUserJson } from "./user-json.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(text: unknown): text is string {
  return typeof text === "string" && UUID.test(text);
}

/** The address in lower case; throws 400 validation_failed when it is none. */
export function normaliseEmail(email: string): string {
  if (email === "") throw validationFailed("An email address is required");
  if (email.length > 255) throw validationFailed("An email address is too long");
  if (!/^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(email)) {
    throw validationFailed("Unable to validate email address: invalid format");
  }
  return email.toLowerCase();
}

/** Digits without the leading plus; throws 400 validation_failed when it is no E.164 number. */
export function normalisePhone(phone: string): string {
  const digits = phone.replaceAll(" ", "").replace(/^\+/, "");
  if (!/^[1-9][0-9]{1,14}$/.test(digits)) {
    throw validationFailed("Invalid phone number format (E.164 required)");
  }
  return digits;
}

export async function findUserById(sql: Sql, id: string): Promise<UserRow | null> {
  const [user] = await sql<UserRow[]>`select * from auth.users where id = ${id}`;
  return user ?? null;
}

export async function findUserByEmail(sql: Sql, email: string): Promise<UserRow | null> {
  const [user] = await sql<UserRow[]>`
    select * from auth.users
    where email = ${email.toLowerCase()} and is_sso_user = false`;
  return user ?? null;
}

export async function findIdentities(sql: Sql, userId: string): Promise<IdentityRow[]> {
  return await sql<IdentityRow[]>`
    select * from auth.identities where user_id = ${userId} order by created_at, provider`;
}

/** The user as answered, read afresh because triggers may have changed the row. */
export async function loadUserJson(sql: Sql, id: string): Promise<Metadata> {
  const user = await findUserById(sql, id);
  // Deleted by another request meanwhile.
  if (!user) throw new AuthError(404, "user_not_found", "User not found");
  return toUserJson(user, await findIdentities(sql, id));
}

export function isBanned(user: UserRow, now = Date.now()): boolean {
  return user.banned_until !== null && user.banned_until.getTime() > now;
}

export interface NewUser {
  id: string;
  aud: string;
  email: string | null;
  phone: string | null;
  /** null for an invited user, who has none yet. */
  encryptedPassword: string | null;
  userMetadata: Metadata;
}

/** Inserts the row and its identities, in Supabase Auth's order: the role follows by an update. */
export async function insertUser(sql: Sql, user: NewUser, role = "authenticated"): Promise<void> {
  const providers = [
    ...(user.email === null ? [] : ["email"]),
    ...(user.phone === null ? [] : ["phone"]),
  ];
  const appMetadata = { provider: providers[0], providers };
  await sql`
    insert into auth.users
      (id, aud, role, email, phone, encrypted_password, raw_app_meta_data, raw_user_meta_data,
       is_sso_user, is_anonymous, created_at, updated_at)
    values
      (${user.id}, ${user.aud}, '', ${user.email}, ${user.phone}, ${user.encryptedPassword},
       ${jsonOf(sql, appMetadata)}, ${jsonOf(sql, user.userMetadata)}, false, false, now(), now())`;
  if (user.email !== null) await insertIdentity(sql, user.id, "email", user.email);
  if (user.phone !== null) await insertIdentity(sql, user.id, "phone", user.phone);
  await sql`update auth.users set role = ${role}, updated_at = now() where id = ${user.id}`;
}

/** The identity of a provider is keyed by the user's own id for e-mail and phone. */
export async function insertIdentity(
  sql: Sql,
  userId: string,
  provider: "email" | "phone",
  address: string,
): Promise<void> {
  const data = { sub: userId, [provider]: address, email_verified: false, phone_verified: false };
  await sql`
    insert into auth.identities
      (id, provider, provider_id, user_id, identity_data, last_sign_in_at, created_at, updated_at)
    values
      (${crypto.randomUUID()}, ${provider}, ${userId}, ${userId}, ${jsonOf(sql, data)},
       now(), now(), now())`;
}

export async function setUserMetadata(sql: Sql, user: UserRow, patch: Metadata): Promise<void> {
  const merged = mergeMetadata(user.raw_user_meta_data, patch);
  await sql`
    update auth.users set raw_user_meta_data = ${jsonOf(sql, merged)}, updated_at = now()
    where id = ${user.id}`;
}

export async function setAppMetadata(sql: Sql, user: UserRow, patch: Metadata): Promise<void> {
  const merged = mergeMetadata(user.raw_app_meta_data, patch);
  await sql`
    update auth.users set raw_app_meta_data = ${jsonOf(sql, merged)}, updated_at = now()
    where id = ${user.id}`;
}

/** Confirms the address and says so in user_metadata, as Supabase Auth does. */
export async function confirmEmail(sql: Sql, userId: string): Promise<void> {
  await sql`
    update auth.users
    set email_confirmed_at = now(), confirmation_token = null, updated_at = now(),
        raw_user_meta_data = coalesce(raw_user_meta_data, '{}'::jsonb)
          || '{"email_verified": true}'::jsonb
    where id = ${userId}`;
}

export async function confirmPhone(sql: Sql, userId: string): Promise<void> {
  await sql`
    update auth.users set phone_confirmed_at = now(), updated_at = now() where id = ${userId}`;
}

/** Until when a user is banned; a duration of zero lifts the ban. */
export async function setBan(sql: Sql, userId: string, milliseconds: number): Promise<void> {
  const until = milliseconds > 0 ? new Date(Date.now() + milliseconds) : null;
  await sql`
    update auth.users set banned_until = ${until}, updated_at = now() where id = ${userId}`;
}
