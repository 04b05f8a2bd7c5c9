import type { AuthError } from "@supabase/supabase-js";
import { AppError } from "../errors/app-error.ts";
import type { ErrorCode } from "../errors/codes.ts";

/**
 * Awaits a call of auth-js and turns its error into ours, by code and never by text.
 * @throws AppError auth_unavailable (503) when Supabase Auth is out of reach or answers 5xx
 */
export async function callAuth<T>(
  call: Promise<{ data: T; error: null } | { data: unknown; error: AuthError }>,
): Promise<T> {
  const { data, error } = await call;
  if (error) throw toAuthFailure(error);
  return data as T;
}

/** Turns an error of Supabase Auth into the AppError the caller shall see. */
export function toAuthFailure(error: AuthFault): AppError {
  if (error.name === "AuthRetryableFetchError" || (error.status ?? 500) >= 500) {
    return authUnavailable(error);
  }
  if (error.code === "weak_password") return weakPassword(error.reasons, error);
  if (error.status === 429) return rateLimited(error);
  const known = failures.get(error.code ?? "");
  if (!known) return new AppError("internal_error", undefined, { cause: error });
  return new AppError(known[0], known[1], { cause: error });
}

/** As much of an auth-js error as the mapping reads. */
export interface AuthFault extends Error {
  code?: string | undefined;
  status?: number | undefined;
  /** Of a refused password: `length`, `characters`, `pwned`. */
  reasons?: unknown;
}

const endedSession: [ErrorCode, string] = [
  "session_revoked",
  "The session has ended, sign in again",
];
const badRefresh: [ErrorCode, string] = [
  "refresh_token_invalid",
  "The refresh token is unknown, used or revoked, sign in again",
];
const badCode: [ErrorCode, string] = [
  "code_invalid",
  "The code or link is wrong, used or expired, ask for a new one",
];

/** GoTrue's codes (supabase/auth internal/api/apierrors/errorcode.go) and what they mean here. */
const failures = new Map<string, [ErrorCode, string]>(Object.entries({
  invalid_credentials: ["invalid_credentials", "The e-mail address or the password is wrong"],
  email_not_confirmed: [
    "email_not_confirmed",
    "The e-mail address is not confirmed, follow the link in the mail first",
  ],
  user_banned: ["user_banned", "The account is banned, contact support"],
  same_password: ["same_password", "The new password is the present one, choose another"],
  refresh_token_not_found: badRefresh,
  refresh_token_already_used: badRefresh,
  session_expired: badRefresh,
  otp_expired: badCode,
  flow_state_expired: badCode,
  flow_state_not_found: badCode,
  session_not_found: endedSession,
  session_missing: endedSession,
  user_not_found: endedSession,
  bad_jwt: ["token_invalid", "The token cannot be verified, sign in again"],
  no_authorization: ["token_invalid", "The token cannot be verified, sign in again"],
  insufficient_aal: [
    "insufficient_aal",
    "This needs a session with a second factor, verify it first",
  ],
  reauthentication_needed: [
    "reauthentication_required",
    "The session is older than 24 hours: ask for a code by mail (GET /auth/v1/reauthenticate) and " +
    "send it as nonce, or sign in again",
  ],
  reauthentication_not_valid: badCode,
  current_password_required: ["forbidden", "This needs the present password"],
  current_password_invalid: ["invalid_credentials", "The present password is wrong"],
  signup_disabled: ["feature_disabled", "Registration is switched off"],
  email_provider_disabled: ["feature_disabled", "Sign-in by e-mail is switched off"],
  otp_disabled: ["feature_disabled", "Sign-in by code is switched off"],
  captcha_failed: ["forbidden", "The captcha was not solved"],
  validation_failed: ["validation_failed", "Supabase Auth refuses the request as not valid"],
  email_address_invalid: ["validation_failed", "The e-mail address is not valid"],
  email_address_not_authorized: ["forbidden", "Mail cannot be sent to this address"],
  conflict: ["auth_unavailable", "Another request of this session is under way, try again"],
  request_timeout: ["auth_unavailable", "The authentication service is too slow, try again"],
  over_request_rate_limit: ["rate_limited", "Too many requests, try again in a minute"],
}));

/** Supabase Auth could not be asked. */
export function authUnavailable(cause: unknown): AppError {
  return new AppError(
    "auth_unavailable",
    "The authentication service cannot be reached, try again shortly",
    { cause },
  );
}

function rateLimited(cause: unknown): AppError {
  return new AppError("rate_limited", "Too many requests, try again in a minute", { cause });
}

const passwordReasons: Record<string, string> = {
  length: "The password is too short",
  characters: "The password lacks required kinds of characters",
  pwned: "The password is known from a data leak",
};

function weakPassword(reasons: unknown, cause: unknown): AppError {
  const known = Array.isArray(reasons)
    ? reasons.map((reason) => passwordReasons[String(reason)]).filter((text) => text !== undefined)
    : [];
  const messages = known.length > 0 ? known : ["The password is too weak"];
  return new AppError("weak_password", "The password is too weak, choose a stronger one", {
    errors: messages.map((message) => ({ path: "password", message })),
    cause,
  });
}
