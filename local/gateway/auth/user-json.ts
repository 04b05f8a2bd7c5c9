import type { IdentityRow, Metadata, UserRow } from "./database.ts";

/** The user object of every answer; times that were never set are left out. */
export function toUserJson(user: UserRow, identities: IdentityRow[] | null): Metadata {
  return {
    id: user.id,
    aud: user.aud ?? "",
    role: user.role ?? "",
    email: user.email ?? "",
    ...optional("email_confirmed_at", user.email_confirmed_at),
    ...optional("invited_at", user.invited_at),
    phone: user.phone ?? "",
    ...optional("phone_confirmed_at", user.phone_confirmed_at),
    ...optional("confirmation_sent_at", user.confirmation_sent_at),
    ...optional("confirmed_at", user.confirmed_at),
    ...optional("recovery_sent_at", user.recovery_sent_at),
    ...optional("new_email", user.email_change || null),
    ...optional("email_change_sent_at", user.email_change_sent_at),
    ...optional("reauthentication_sent_at", user.reauthentication_sent_at),
    ...optional("last_sign_in_at", user.last_sign_in_at),
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    identities: identities?.map(toIdentityJson) ?? null,
    created_at: user.created_at.toISOString(),
    updated_at: user.updated_at.toISOString(),
    ...optional("banned_until", user.banned_until),
    ...optional("deleted_at", user.deleted_at),
    is_anonymous: user.is_anonymous,
  };
}

function toIdentityJson(identity: IdentityRow): Metadata {
  return {
    identity_id: identity.id,
    id: identity.provider_id,
    user_id: identity.user_id,
    identity_data: identity.identity_data,
    provider: identity.provider,
    ...optional("last_sign_in_at", identity.last_sign_in_at),
    created_at: identity.created_at.toISOString(),
    updated_at: identity.updated_at.toISOString(),
    ...optional("email", identity.email),
  };
}

function optional(name: string, value: Date | string | null): Metadata {
  if (value === null) return {};
  return { [name]: value instanceof Date ? value.toISOString() : value };
}
