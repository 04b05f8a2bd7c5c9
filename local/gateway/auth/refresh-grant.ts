import { z } from "zod";
import { writeAudit } from "./audit.ts";
import { readBody } from "./body.ts";
import type { AuthContext } from "./context.ts";
import { inTransaction, type Metadata, type Sql, sqlState } from "./database.ts";
import { AuthError, OAuthError } from "./errors.ts";
import { textField } from "./fields.ts";
import { readClient } from "./request-client.ts";
import { answerSession, insertRefreshToken } from "./sessions.ts";
import { findUserById, isBanned } from "./users.ts";

const LOCK_NOT_AVAILABLE = "55P03";

const bodySchema = z.object({ refresh_token: textField });

interface TokenRow {
  token: string;
  user_id: string;
  session_id: string | null;
  revoked: boolean;
  updated_at: Date;
  not_after: Date | null;
}

/** Either the token to hand out, or the refusal that must not undo the revocation. */
type Rotation = { token: string } | { refusal: AuthError };

/** Rotates a refresh token; the parent of the current one answers the current one again. */
export async function grantByRefreshToken(c: AuthContext): Promise<Metadata> {
  const { services } = c.var;
  const { refresh_token: presented } = await readBody(c, bodySchema);
  if (presented === "") throw requiredField("refresh_token");
  const outcome = await inTransaction(services.sql, (tx) => refresh(c, tx, presented))
    .catch(explainLock);
  if (outcome instanceof AuthError) throw outcome;
  return outcome;
}

async function refresh(c: AuthContext, tx: Sql, presented: string): Promise<Metadata | AuthError> {
  const { services } = c.var;
  const row = await lockToken(tx, presented);
  const user = row && await findUserById(tx, row.user_id);
  if (!row || !user) throw notFound();
  if (isBanned(user)) {
    throw new AuthError(400, "user_banned", "Invalid Refresh Token: User Banned");
  }
  if (row.session_id === null) {
    const message = "Invalid Refresh Token: No Valid Session Found";
    throw new AuthError(400, "session_not_found", message);
  }
  if (row.not_after !== null && row.not_after.getTime() < Date.now()) {
    throw new AuthError(400, "session_expired", "Invalid Refresh Token: Session Expired");
  }
  const rotation = await rotate(
    tx,
    row,
    row.session_id,
    services.settings.refreshTokenReuseSeconds,
  );
  if ("refusal" in rotation) return rotation.refusal;
  await writeAudit(tx, user, "token_refreshed", "token");
  await noteRefresh(c, tx, row.session_id);
  return await answerSession(tx, services, {
    userId: user.id,
    sessionId: row.session_id,
    refreshToken: rotation.token,
    method: "token_refresh",
  });
}

const requiredField = (name: string) => new OAuthError("invalid_request", `${name} required`);

const notFound = () =>
  new AuthError(
    400,
    "refresh_token_not_found",
    "Invalid Refresh Token: Refresh Token Not Found",
  );

/** Locks session and token, so that two refreshes at once end with the same new token. */
async function lockToken(tx: Sql, token: string): Promise<TokenRow | undefined> {
  await tx`set local lock_timeout = '5s'`;
  await tx`
    select s.id from auth.sessions s
    join auth.refresh_tokens t on t.session_id = s.id
    where t.token = ${token} for update of s`;
  const [row] = await tx<TokenRow[]>`
    select t.token, t.user_id, t.session_id, coalesce(t.revoked, false) as revoked, t.updated_at,
      s.not_after
    from auth.refresh_tokens t left join auth.sessions s on s.id = t.session_id
    where t.token = ${token}`;
  return row;
}

async function rotate(
  tx: Sql,
  row: TokenRow,
  sessionId: string,
  reuseSeconds: number,
): Promise<Rotation> {
  if (row.revoked) {
    const [active] = await tx<{ token: string; parent: string | null }[]>`
      select token, parent from auth.refresh_tokens
      where session_id = ${sessionId} and revoked = false order by created_at desc limit 1`;
    if (active?.parent === row.token) return { token: active.token };
    if (Date.now() > row.updated_at.getTime() + reuseSeconds * 1000) {
      return await revokeFamily(tx, sessionId);
    }
  }
  await tx`
    update auth.refresh_tokens set revoked = true, updated_at = now() where token = ${row.token}`;
  return { token: await insertRefreshToken(tx, row.user_id, sessionId, row.token) };
}

async function revokeFamily(tx: Sql, sessionId: string): Promise<Rotation> {
  await tx`
    update auth.refresh_tokens set revoked = true, updated_at = now()
    where session_id = ${sessionId} and revoked = false`;
  const message = "Invalid Refresh Token: Already Used";
  return { refusal: new AuthError(400, "refresh_token_already_used", message) };
}

async function noteRefresh(c: AuthContext, tx: Sql, sessionId: string): Promise<void> {
  const { userAgent, ip } = readClient(c);
  await tx`
    update auth.sessions
    set refreshed_at = now() at time zone 'utc', updated_at = now(), user_agent = ${userAgent},
        ip = ${ip}
    where id = ${sessionId}`;
}

function explainLock(error: unknown): never {
  if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
  const message = "Too many concurrent token refresh requests on the same session or refresh token";
  throw new AuthError(409, "conflict", message, { cause: error });
}
