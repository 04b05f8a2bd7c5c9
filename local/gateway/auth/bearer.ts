import type { JWTPayload } from "jose";
import type { AuthContext, AuthServices } from "./context.ts";
import { AuthError } from "./errors.ts";
import type { UserRow } from "./database.ts";
import { findUserById, isBanned, isUuid } from "./users.ts";

const ADMIN_ROLES = new Set(["service_role", "supabase_admin"]);

/** Claims of whoever calls: of the bearer token, or those an API key stands for. */
export async function readClaims(c: AuthContext): Promise<JWTPayload> {
  const { services } = c.var;
  const credential = readCredential(c, services);
  if (credential === null) {
    throw new AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token");
  }
  if (credential === services.secretKey) return { role: "service_role" };
  if (credential === services.publishableKey) return { role: "anon" };
  return await services.keys.verify(credential).catch((cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `invalid JWT: unable to parse or verify signature, ${reason}`;
    throw new AuthError(403, "bad_jwt", message, { cause });
  });
}

/**
 * The gateway's rule: an Authorization header counts unless it carries an API key; then the
 * `apikey` header does, and one that is no key of ours stands for itself.
 */
function readCredential(c: AuthContext, services: AuthServices): string | null {
  const authorization = c.req.header("authorization") ?? "";
  const apikey = c.req.header("apikey") ?? c.req.query("apikey") ?? "";
  if (authorization !== "" && !authorization.startsWith("Bearer sb_")) {
    const match = /^bearer (\S+)$/i.exec(authorization);
    return match?.[1] ?? null;
  }
  if (apikey === services.secretKey || apikey === services.publishableKey) return apikey;
  return apikey === "" ? null : apikey;
}

/** The administrator's claims, or 403 not_admin. */
export async function requireAdmin(c: AuthContext): Promise<JWTPayload> {
  const claims = await readClaims(c);
  if (typeof claims.role !== "string" || !ADMIN_ROLES.has(claims.role)) {
    throw new AuthError(403, "not_admin", "User not allowed");
  }
  if (claims.session_id !== undefined) await assertSession(c.var.services, claims);
  return claims;
}

export interface SignedInUser {
  user: UserRow;
  /** null for a token that was made without a session. */
  sessionId: string | null;
  claims: JWTPayload;
}

/** The user behind the token, as the database knows them now. */
export async function requireUser(c: AuthContext): Promise<SignedInUser> {
  const claims = await readClaims(c);
  const { sub } = claims;
  if (sub === undefined || sub === "") {
    throw badClaim(403, "missing sub claim");
  }
  if (!isUuid(sub)) {
    throw badClaim(400, "sub claim must be a UUID");
  }
  const user = await findUserById(c.var.services.sql, sub);
  if (!user) {
    throw new AuthError(403, "user_not_found", "User from sub claim in JWT does not exist");
  }
  const sessionId = await assertSession(c.var.services, claims);
  if (isBanned(user)) throw new AuthError(403, "user_banned", "User is banned");
  return { user, sessionId, claims };
}

const badClaim = (status: number, fault: string) =>
  new AuthError(status, "bad_jwt", `invalid claim: ${fault}`);

async function assertSession(services: AuthServices, claims: JWTPayload): Promise<string | null> {
  const id = claims.session_id;
  if (id === undefined || id === "") return null;
  const [session] = isUuid(id)
    ? await services.sql<{ id: string }[]>`select id from auth.sessions where id = ${id}`
    : [];
  if (session) return session.id;
  throw new AuthError(
    403,
    "session_not_found",
    "Session from session_id claim in JWT does not exist",
  );
}
