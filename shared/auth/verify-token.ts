import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";
import type { Env } from "../env.ts";
import { AppError } from "../errors/app-error.ts";
import { type AuthUser, toAuthUser } from "./auth-user.ts";
import { createPublicKeyFinder } from "./public-keys.ts";

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
  /**
   * What a verifier that remembers still holds for true of a token, without waiting; undefined: ask
   * {@link TokenVerifier.verify}.
   */
  recall?(token: string): VerifiedToken | undefined;
}

/** Longer than any token the hook's budget allows; refused before any cryptography. */
const maxTokenLength = 8192;
/** Seconds by which the clocks of Supabase Auth and of this machine may differ for `exp`, `nbf`. */
const clockTolerance = 5;
/** The same for `iat`, which keeps nobody out: a fresh token must not fail on a clock ahead. */
const issuedAheadTolerance = 60;
/** Seconds; Supabase Auth issues no token for longer, and no mistake there makes one for ever. */
const maxLifetime = 604_800;

// base64url without padding whose unused bits are zero, three times. Decoders read other spellings
// too, and then one signature would stand under many names.
const part = "(?:[\\w-]{4})*(?:[\\w-]{4}|[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])";
const canonicalToken = new RegExp(`^${part}\\.${part}\\.${part}$`);

/**
 * Builds the verifier of a deployment: one spelling of a token, signature by the project's public
 * keys (ES256, RS256; HS256 only with a configured legacy secret), `iss`, `aud`, `exp`, `iat`,
 * `role` and UUIDs in `sub` and `session_id`. Of a claim that stands there twice the last counts
 * (RFC 7519, 4). `jwk`, `jku`, `x5c` and `x5u` of a token are never looked at.
 */
export function createTokenVerifier(env: Env): TokenVerifier {
  const findKey = createKeyFinder(env);
  const algorithms = ["ES256", "RS256", ...(env.legacyJwtSecret ? ["HS256"] : [])];
  return {
    async verify(token) {
      assertSpelling(token);
      const claims = await jwtVerify(token, findKey, {
        algorithms,
        issuer: env.jwtIssuer,
        audience: "authenticated",
        clockTolerance,
      }).then(({ payload }) => payload, (error) => {
        throw toTokenError(error);
      });
      assertUserToken(claims);
      assertLifetime(claims);
      return Object.freeze({ user: toAuthUser(claims), claims, token });
    },
  };
}

function assertSpelling(token: string): void {
  if (token.length > maxTokenLength) throw invalidToken("The token is too long");
  if (!canonicalToken.test(token)) throw invalidToken("The token is not a compact JSON Web Token");
}

function assertUserToken(claims: JWTPayload): void {
  if (claims["role"] !== "authenticated") {
    throw invalidToken("The token is not one of a signed-in user");
  }
  // A list that holds our audience among others would be one for them as well.
  if (typeof claims.aud !== "string") {
    throw invalidToken("The token was not issued for this service alone");
  }
}

function assertLifetime({ iat = NaN, exp = NaN }: JWTPayload): void {
  const latest = Math.floor(Date.now() / 1000) + issuedAheadTolerance;
  const isSound = Number.isSafeInteger(iat) && Number.isSafeInteger(exp) &&
    iat <= latest && exp - iat <= maxLifetime;
  if (!isSound) throw invalidToken("The token has times no session has, sign in again");
}

/** Algorithm and key stand together: an HMAC token is never checked against a public key. */
function createKeyFinder(env: Env): JWTVerifyGetKey {
  const publicKeys = createPublicKeyFinder(env);
  const secret = env.legacyJwtSecret ? new TextEncoder().encode(env.legacyJwtSecret) : null;
  return (header, jws) => secret && header.alg === "HS256" ? secret : publicKeys(header, jws);
}

function toTokenError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (!(error instanceof errors.JOSEError)) return keyUnusable(error);
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

/** Faults of a token are errors of jose; what else is thrown is a key too weak or malformed. */
function keyUnusable(cause: unknown): AppError {
  return new AppError("keys_unavailable", "The keys that verify tokens cannot be used", { cause });
}

function invalidToken(detail: string, cause?: unknown): AppError {
  return new AppError("token_invalid", detail, { cause });
}
