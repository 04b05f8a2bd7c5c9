import type { MiddlewareHandler } from "hono";
import type { AuthUser } from "../auth/auth-user.ts";
import type { TokenVerifier, VerifiedToken } from "../auth/verify-token.ts";
import { AppError } from "../errors/app-error.ts";
import type { AppEnv } from "./base-app.ts";

/** What {@link requireUser} adds to `c.var`. */
export interface UserVariables {
  /** The token and what it says; the database's user door takes it whole. */
  verified: VerifiedToken;
  user: AuthUser;
}

/** Hono environment of routes behind {@link requireUser}. */
export type UserEnv = { Variables: AppEnv["Variables"] & UserVariables };

/**
 * Lets only requests with a valid access token of a user pass and sets `c.var.verified` and
 * `c.var.user`. Says nothing of the session: the database's user door checks that it lives.
 * @throws AppError token_missing, token_invalid, token_expired (401), keys_unavailable (503)
 */
export function requireUser(): MiddlewareHandler<UserEnv> {
  return async function requireUser(c, next) {
    const started = performance.now();
    const verified = await verifyBearer(c.get("deps").verifier, c.req.header("authorization"));
    c.set("verified", verified);
    c.set("user", verified.user);
    c.get("timings").set("auth", performance.now() - started);
    await next();
  };
}

/**
 * Verifies the access token of an Authorization header.
 * @throws AppError as {@link requireUser}
 */
export function verifyBearer(
  verifier: TokenVerifier,
  header: string | undefined,
): Promise<VerifiedToken> {
  return verifier.verify(bearerToken(header));
}

/** Supabase clients send the publishable key as bearer when nobody is signed in. */
function bearerToken(header: string | undefined): string {
  const value = header?.trim() ?? "";
  const token = value.slice(0, 7).toLowerCase() === "bearer " ? value.slice(7).trimStart() : "";
  if (value === "" || token.startsWith("sb_")) {
    throw new AppError(
      "token_missing",
      "The request carries no access token, sign in and send it as Authorization: Bearer <token>",
    );
  }
  if (token === "" || token.includes(" ")) {
    throw new AppError(
      "token_invalid",
      "The Authorization header is not of the form Bearer <token>",
    );
  }
  return token;
}
