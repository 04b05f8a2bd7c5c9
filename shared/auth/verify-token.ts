import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from "jose";
import type { Env } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { type AuthUser, toAuthUser } from "./auth-user.ts";

/** A token that passed every check: who it speaks for, its payload, and the token itself. */
export interface VerifiedToken {
  readonly user: AuthUser;
  readonly claims: JWTPayload;
  /** The compact JWT, for calls to Supabase services in the caller's name. Never logged. */
  readonly token: string;
}

/** Checks access tokens without asking a server, except for the public keys. */
export interface TokenVerifier {
  /**
   * @throws AppError token_invalid or token_expired (401), keys_unavailable (503) when the public
   * keys cannot be fetched: an outage never looks like a bad token
   */
  verify(token: string): Promise<VerifiedToken>;
}

/** Longer than any token the hook's budget allows; refused before any cryptography. */
const maxTokenLength = 8192;
/** Seconds by which the clocks of Supabase Auth and of this machine may differ. */
const clockTolerance = 5;

/**
 * Builds the verifier of a deployment: signature by the project's public keys (ES256, RS256; HS256
 * only with a configured legacy secret), `iss`, `aud`, `exp`, `role` and UUIDs in `sub` and
 * `session_id`.
 */
export function createTokenVerifier(env: Env): TokenVerifier {
  const findKey = createKeyFinder(env);
  const algorithms = ["ES256", "RS256", ...(env.legacyJwtSecret ? ["HS256"] : [])];
  return {
    async verify(token) {
      if (token.length > maxTokenLength) throw invalidToken("The token is too long");
      const claims = await jwtVerify(token, findKey, {
        algorithms,
        issuer: env.jwtIssuer,
        audience: "authenticated",
        clockTolerance,
        requiredClaims: ["exp", "sub", "role", "session_id"],
      }).then(({ payload }) => payload, (error) => {
        throw toTokenError(error);
      });
      if (claims["role"] !== "authenticated") {
        throw invalidToken("The token is not one of a signed-in user");
      }
      return Object.freeze({ user: toAuthUser(claims), claims, token });
    },
  };
}

/** Algorithm and key stand together: an HMAC token is never checked against a public key. */
function createKeyFinder(env: Env): JWTVerifyGetKey {
  const publicKeys = createPublicKeyFinder(env);
  const secret = env.legacyJwtSecret ? new TextEncoder().encode(env.legacyJwtSecret) : null;
  return (header, jws) => secret && header.alg === "HS256" ? secret : publicKeys(header, jws);
}

function createPublicKeyFinder(env: Env): JWTVerifyGetKey {
  // A local `supabase start` lists its HMAC secret too; only public keys belong in this set.
  const keys = env.jwks?.keys.filter((key) => key.kty !== "oct") ?? [];
  const find: JWTVerifyGetKey = keys.length > 0
    ? createLocalJWKSet({ keys })
    : createRemoteJWKSet(new URL(`${env.supabaseUrl}/auth/v1/.well-known/jwks.json`), {
      timeoutDuration: 3000,
      cooldownDuration: 30_000,
      cacheMaxAge: 600_000,
    });
  return async (header, jws) => {
    try {
      return await find(header, jws);
    } catch (error) {
      if (error instanceof errors.JOSEError && isTokenFault(error.code)) throw error;
      throw new AppError(
        "keys_unavailable",
        "The keys that verify tokens cannot be fetched, try again shortly",
        { cause: error },
      );
    }
  };
}

/** Key lookup failures that are the token's own: it names a key or a kind of key we do not have. */
function isTokenFault(code: string): boolean {
  return code === errors.JWKSNoMatchingKey.code ||
    code === errors.JWKSMultipleMatchingKeys.code ||
    code === errors.JOSENotSupported.code;
}

function toTokenError(error: unknown): unknown {
  if (!(error instanceof errors.JOSEError)) return error;
  switch (error.code) {
    case errors.JWTExpired.code:
      return new AppError("token_expired", "The token has expired, refresh the session", {
        cause: error,
      });
    case errors.JWTClaimValidationFailed.code:
      return invalidToken("The token was not issued for this service", error);
    default:
      return invalidToken("The token cannot be verified, sign in again", error);
  }
}

function invalidToken(detail: string, cause?: unknown): AppError {
  return new AppError("token_invalid", detail, { cause });
}
