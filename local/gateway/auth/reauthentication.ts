import type { AuthServices } from "./context.ts";
import type { Sql, UserRow } from "./database.ts";
import { AuthError } from "./errors.ts";
import { hashOneTimeToken } from "./one-time-tokens.ts";

/** True for a session opened within the last 24 hours; a token without a session has none. */
export async function isRecentSession(sql: Sql, sessionId: string | null): Promise<boolean> {
  const [session] = await sql<{ recent: boolean }[]>`
    select created_at > now() - interval '24 hours' as recent
    from auth.sessions where id = ${sessionId}::uuid`;
  return session?.recent ?? false;
}

/**
 * Uses up the code of the reauthentication mail.
 * @throws AuthError reauthentication_needed (400) without one, reauthentication_not_valid (422) when
 * it is wrong, used or expired
 */
export async function useNonce(
  { sql, settings }: AuthServices,
  user: UserRow,
  nonce: string,
): Promise<void> {
  if (nonce === "") {
    throw new AuthError(
      400,
      "reauthentication_needed",
      "Password update requires reauthentication",
    );
  }
  const hash = await hashOneTimeToken(user.email ?? "", nonce);
  const { count } = await sql`
    update auth.users set reauthentication_token = null
    where id = ${user.id} and reauthentication_token = ${hash}
      and reauthentication_sent_at > now() - make_interval(secs => ${settings.otpExpirySeconds})`;
  if (count === 1) return;
  throw new AuthError(422, "reauthentication_not_valid", "Nonce has expired or is invalid");
}
