import { type IdentityRow, jsonOf, type Sql, type UserRow } from "./database.ts";
import { findIdentities } from "./users.ts";

const PHONE_LENGTH = 15;

/**
 * Leaves the row without anything personal: addresses become hashes, metadata is empty, and
 * sessions, codes and factors are deleted. No cascade and no delete trigger runs.
 */
export async function softDeleteUser(tx: Sql, user: UserRow): Promise<void> {
  const email = user.email && await obscure(user.id, user.email);
  const phone = user.phone && (await obscure(user.id, user.phone)).slice(0, PHONE_LENGTH);
  const emailChange = user.email_change && await obscure(user.id, user.email_change);
  await tx`
    update auth.users
    set email = ${email}, phone = ${phone}, email_change = ${emailChange},
        encrypted_password = null, confirmation_token = null, recovery_token = null,
        email_change_token_current = null, email_change_token_new = null,
        reauthentication_token = null, raw_user_meta_data = ${jsonOf(tx, {})},
        raw_app_meta_data = ${jsonOf(tx, {})}, deleted_at = now(), updated_at = now()
    where id = ${user.id}`;
  for (const identity of await findIdentities(tx, user.id)) await emptyIdentity(tx, identity);
  await tx`delete from auth.one_time_tokens where user_id = ${user.id}`;
  await tx`delete from auth.mfa_factors where user_id = ${user.id}`;
  await tx`delete from auth.sessions where user_id = ${user.id}`;
  await tx`delete from auth.refresh_tokens where user_id::text = ${user.id}`;
}

async function emptyIdentity(tx: Sql, identity: IdentityRow): Promise<void> {
  const providerId = await obscure(identity.user_id, identity.provider_id);
  await tx`
    update auth.identities
    set provider_id = ${providerId}, identity_data = ${jsonOf(tx, {})}, updated_at = now()
    where id = ${identity.id}`;
}

async function obscure(userId: string, value: string): Promise<string> {
  const bytes = new TextEncoder().encode(userId + value);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return digest.toBase64({ alphabet: "base64url", omitPadding: true });
}
