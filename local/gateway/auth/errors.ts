import { readPublicError } from "./postgres-error.ts";

/** The date from which Supabase Auth answers `{code, message}` instead of `{code, error_code, msg}`. */
const NAMED_CODES_SINCE = "2024-01-01";

/** A refusal as Supabase Auth words it: HTTP status, stable code, sentence for the developer. */
export class AuthError extends Error {
  override name = "AuthError";
  readonly status: number;
  readonly code: string;
  readonly extra: Record<string, unknown>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { extra?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = status;
    this.code = code;
    this.extra = options.extra ?? {};
  }
}

/** The few refusals that keep the body of OAuth 2.0. */
export class OAuthError extends Error {
  override name = "OAuthError";
  readonly code: string;

  constructor(code: string, description: string) {
    super(description);
    this.code = code;
  }
}

export const validationFailed = (message: string, status = 400) =>
  new AuthError(status, "validation_failed", message);

export const unexpectedFailure = (message: string, cause?: unknown) =>
  new AuthError(500, "unexpected_failure", message, { cause });

/** Renders any thrown value in the body format the request asks for by X-Supabase-Api-Version. */
export function renderError(error: unknown, request: Request): Response {
  if (error instanceof OAuthError) {
    return Response.json({ error: error.code, error_description: error.message }, { status: 400 });
  }
  const refusal = error instanceof AuthError
    ? error
    : unexpectedFailure("Unexpected failure, please check server logs for more information", error);
  const version = request.headers.get("x-supabase-api-version") ?? "";
  const headers: Record<string, string> = { "x-sb-error-code": refusal.code };
  if (version >= NAMED_CODES_SINCE) {
    headers["x-supabase-api-version"] = NAMED_CODES_SINCE;
    const body = { code: refusal.code, message: refusal.message, ...refusal.extra };
    return Response.json(body, { status: refusal.status, headers });
  }
  const shown = readPublicError(refusal.cause);
  if (shown) return Response.json(shown.body, { status: shown.status, headers });
  const body = {
    code: refusal.status,
    error_code: refusal.code,
    msg: refusal.message,
    ...(refusal.status >= 500 ? { error_id: crypto.randomUUID() } : {}),
    ...refusal.extra,
  };
  return Response.json(body, { status: refusal.status, headers });
}
