import { callAuth } from "../auth/clients.ts";
import type { ExportContext } from "./context.ts";

/**
 * What Supabase Auth knows of a user, for `profile.json`: addresses, metadata, identities, second
 * factors and times, never a hash, a secret or a token. Null when there is no such user any more.
 * @throws AppError auth_unavailable
 */
export async function readAuthProfile(
  { auth }: Pick<ExportContext, "auth">,
  userId: string,
): Promise<Record<string, unknown> | null> {
  const client = await auth.admin();
  const answer = await client.auth.admin.getUserById(userId);
  if (answer.error && (answer.error.status === 404 || answer.error.code === "user_not_found")) {
    return null;
  }
  const { user } = await callAuth(Promise.resolve(answer));
  return {
    id: user.id,
    email: user.email ?? null,
    email_confirmed_at: user.email_confirmed_at ?? null,
    new_email: user.new_email ?? null,
    phone: user.phone || null,
    is_anonymous: user.is_anonymous ?? false,
    created_at: user.created_at,
    updated_at: user.updated_at ?? null,
    last_sign_in_at: user.last_sign_in_at ?? null,
    user_metadata: user.user_metadata,
    app_metadata: user.app_metadata,
    identities: (user.identities ?? []).map((identity) => ({
      provider: identity.provider,
      identity_data: identity.identity_data ?? {},
      created_at: identity.created_at ?? null,
      last_sign_in_at: identity.last_sign_in_at ?? null,
    })),
    factors: (user.factors ?? []).map((factor) => ({
      factor_type: factor.factor_type,
      friendly_name: factor.friendly_name ?? null,
      status: factor.status,
      created_at: factor.created_at,
    })),
  };
}
