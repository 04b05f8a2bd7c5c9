import { addAmr, buildClaims, readAmr } from "./claims.ts";
import type { AuthServices } from "./context.ts";
import type { Metadata, Sql, UserRow } from "./database.ts";
import { runTokenHook } from "./token-hook.ts";
import { findUserById, loadUserJson } from "./users.ts";

const TOKEN_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** The user agent and address kept with a session. */
export interface Client {
  userAgent: string | null;
  ip: string | null;
}

/** Opens a session in the caller's transaction and answers the session object. */
export async function openSession(
  tx: Sql,
  services: AuthServices,
  user: UserRow,
  method: string,
  client: Client,
): Promise<Metadata> {
  const sessionId = crypto.randomUUID();
  await tx`
    insert into auth.sessions (id, user_id, aal, user_agent, ip, created_at, updated_at)
    values (${sessionId}, ${user.id}, 'aal1', ${client.userAgent}, ${client.ip}, now(), now())`;
  await addAmr(tx, sessionId, method);
  const refreshToken = await insertRefreshToken(tx, user.id, sessionId, null);
  await tx`
    update auth.users set last_sign_in_at = now(), updated_at = now() where id = ${user.id}`;
  return await answerSession(tx, services, { userId: user.id, sessionId, refreshToken, method });
}

/** A new refresh token of a session; `parent` is the one it replaces. */
export async function insertRefreshToken(
  tx: Sql,
  userId: string,
  sessionId: string,
  parent: string | null,
): Promise<string> {
  const token = createRefreshToken();
  await tx`
    insert into auth.refresh_tokens
      (id, token, user_id, session_id, parent, revoked, created_at, updated_at)
    values (${crypto.randomUUID()}, ${token}, ${userId}, ${sessionId}, ${parent}, false, now(),
      now())`;
  return token;
}

export interface SessionAnswer {
  userId: string;
  sessionId: string;
  refreshToken: string;
  /** Authentication method told to the token hook. */
  method: string;
}

/** Signs an access token for an existing session and answers the session object. */
export async function answerSession(
  tx: Sql,
  services: AuthServices,
  answer: SessionAnswer,
): Promise<Metadata> {
  const issuedAt = Math.floor(Date.now() / 1000);
  const expiresAt = issuedAt + services.settings.jwtExpirySeconds;
  const accessToken = await signAccessToken(tx, services, answer, issuedAt, expiresAt);
  return {
    access_token: accessToken,
    token_type: "bearer",
    expires_in: services.settings.jwtExpirySeconds,
    expires_at: expiresAt,
    refresh_token: answer.refreshToken,
    user: await loadUserJson(tx, answer.userId),
  };
}

async function signAccessToken(
  tx: Sql,
  services: AuthServices,
  answer: SessionAnswer,
  issuedAt: number,
  expiresAt: number,
): Promise<string> {
  const user = await findUserById(tx, answer.userId);
  const [session] = await tx<{ aal: string | null }[]>`
    select aal from auth.sessions where id = ${answer.sessionId}`;
  if (!user || !session) throw new Error("The session vanished while its token was signed");
  const claims = buildClaims({
    user,
    sessionId: answer.sessionId,
    aal: session.aal ?? "aal1",
    amr: await readAmr(tx, answer.sessionId),
    issuer: `${services.publicUrl()}/auth/v1`,
    issuedAt,
    expiresAt,
  });
  const { method } = answer;
  const { tokenHook } = services.settings;
  return await services.keys.sign(
    await runTokenHook(tx, tokenHook, { userId: user.id, claims, method }),
  );
}

/** Twelve characters like those of Supabase Auth's first format; clients treat it as opaque. */
function createRefreshToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => TOKEN_ALPHABET[byte % 32]).join("");
}
