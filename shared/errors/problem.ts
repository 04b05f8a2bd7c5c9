import { AppError, type FieldError } from "./app-error.ts";
import { type ErrorCode, errorStatus, errorTitle } from "./codes.ts";

/** Body of every error answer: RFC 9457 `application/problem+json`. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  request_id: string;
  errors?: FieldError[];
}

/** An error answer that only needs serialising. */
export interface Problem {
  status: (typeof errorStatus)[ErrorCode];
  headers: Record<string, string>;
  body: ProblemBody;
}

/**
 * Renders any thrown value. An {@link AppError} keeps its code and detail; everything else becomes
 * `internal_error` without a word of its own text. 401 carries `WWW-Authenticate` (RFC 6750), 429
 * and 503 carry `Retry-After` in seconds.
 */
export function toProblem(error: unknown, requestId: string, now: Date = new Date()): Problem {
  const appError = error instanceof AppError ? error : new AppError(
    "internal_error",
    "Something went wrong on our side, try again and quote the request id if it happens again",
  );
  const { code, status, detail, errors } = appError;
  const body: ProblemBody = {
    type: `urn:heimdex:problem:${code}`,
    title: errorTitle[code],
    status,
    detail,
    code,
    request_id: requestId,
  };
  if (errors) body.errors = errors;
  return { status, headers: { ...defaultHeaders(code, detail, now), ...appError.headers }, body };
}

function defaultHeaders(code: ErrorCode, detail: string, now: Date): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  const status = errorStatus[code];
  if (status === 401) headers["www-authenticate"] = challenge(code, detail);
  if (status === 503) headers["retry-after"] = "5";
  if (code === "rate_limited") headers["retry-after"] = "60";
  if (code === "upload_quota_exceeded") headers["retry-after"] = String(secondsToMidnight(now));
  return headers;
}

/**
 * RFC 6750 section 3.1: no error code when the request lacked a token altogether. RFC 9470: another
 * one for a token that is fine and a sign-in that is too old.
 */
function challenge(code: ErrorCode, detail: string): string {
  const realm = 'Bearer realm="heimdex"';
  if (code === "reauthentication_required") {
    return `${realm}, error="insufficient_user_authentication"`;
  }
  if (code !== "token_invalid" && code !== "token_expired" && code !== "session_revoked") {
    return realm;
  }
  const description = detail.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
  return `${realm}, error="invalid_token", error_description="${description}"`;
}

/** Upload quotas count UTC days, so the next one starts at midnight UTC. */
function secondsToMidnight(now: Date): number {
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1);
  return Math.max(1, Math.ceil((midnight - now.getTime()) / 1000));
}
