import { createAuthApp, type LiteApp } from "../lite.ts";
import type { AuthContext, AuthServices } from "./context.ts";
import { AuthError, unexpectedFailure } from "./errors.ts";
import type { Mailer } from "./mailer.ts";
import { chooseRedirect } from "./redirect-url.ts";
import type { AuthSettings } from "./settings.ts";

/** lite's auth half on our role, with our mailer. */
export async function startLite(options: {
  databaseUrl: string;
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
  siteUrl: string;
  settings: AuthSettings;
  mailer: Mailer;
}): Promise<LiteApp> {
  const { settings } = options;
  // lite reads the cost of its hashes from nowhere else.
  Deno.env.set("LITE_AUTH_BCRYPT_COST", String(settings.bcryptCost));
  const lite = await createAuthApp({
    ...options,
    maxConnections: 4,
    sendMail: () => Promise.reject(new Error("Lite must send through the mailer it was given")),
    auth: {
      minimum_password_length: Math.max(6, settings.minPasswordLength),
      enable_signup: !settings.disableSignup,
      email: {
        enable_confirmations: !settings.autoconfirm,
        otp_length: settings.otpLength,
        otp_expiry: settings.otpExpirySeconds,
      },
    },
  });
  lite.app._mailer = options.mailer.forLite();
  return lite;
}

interface LiteCall {
  method?: string;
  body?: unknown;
  token?: string;
}

/** Sends a JSON request to lite; links it mails meanwhile are those this request asks for. */
export async function callLite(
  c: AuthContext,
  path: string,
  init: LiteCall & { isPkce?: boolean },
): Promise<unknown> {
  const { services } = c.var;
  const request = buildRequest(services, path, init);
  const wish = { redirectTo: chooseRedirect(c), isPkce: init.isPkce ?? false };
  const response = await services.mailer.withWish(wish, () => services.lite.fetch(request));
  const text = await response.text();
  if (!response.ok) throw readLiteError(response.status, text);
  return text === "" ? {} : JSON.parse(text);
}

/** Hands a request on whose answer needs no change, such as GET /settings. */
export async function forwardToLite(c: AuthContext, path: string): Promise<Response> {
  const { services } = c.var;
  const { search } = new URL(c.req.url);
  const request = buildRequest(services, path + search, { method: c.req.method });
  const response = await services.lite.fetch(request);
  if (response.status < 400) return response;
  throw readLiteError(response.status, await response.text());
}

function buildRequest(
  services: AuthServices,
  path: string,
  init: LiteCall,
): Request {
  const headers = new Headers({ "content-type": "application/json" });
  if (init.token !== undefined) headers.set("authorization", `Bearer ${init.token}`);
  return new Request(`${services.publicUrl()}/auth/v1${path}`, {
    method: init.method ?? "POST",
    headers,
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  });
}

function readLiteError(status: number, text: string): AuthError {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return unexpectedFailure("Unexpected failure, please check server logs for more information");
  }
  if (typeof body === "object" && body !== null && "error_code" in body && "msg" in body) {
    return new AuthError(status, String(body.error_code), String(body.msg));
  }
  return unexpectedFailure("Unexpected failure, please check server logs for more information");
}
