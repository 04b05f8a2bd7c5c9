/**
 * Security headers of every answer. Nothing here is a page, so nothing may be loaded or framed; those
 * that say something to pages only (opener, embedder and plugin policies) are left out, for each
 * costs a microsecond of an answer that takes twenty.
 */
const securityHeaders: readonly (readonly [name: string, value: string])[] = [
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["referrer-policy", "no-referrer"],
  ["strict-transport-security", "max-age=15552000; includeSubDomains"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
];

const allowedMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

const allowedHeaders = [
  "accept",
  "accept-language",
  "apikey",
  "authorization",
  "baggage",
  "content-type",
  "idempotency-key",
  "traceparent",
  "tracestate",
  "x-client-info",
  "x-region",
  "x-request-id",
  "x-retry-count",
  "x-supabase-api-version",
];

const exposedHeaders = [
  "allow",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "server-timing",
  "www-authenticate",
  "x-erasure-id",
  "x-request-id",
];

/** Seconds for which a browser may remember a preflight. */
const preflightSeconds = 600;

/** Sets what no answer may lack. */
export interface AnswerHeaders {
  /**
   * Adds CORS and security headers to an answer.
   * @param origin the request's Origin header
   */
  complete(headers: Headers, origin: string | undefined): void;
  /** The answer to a preflight; `complete` is still due. */
  preflight(): Response;
}

/**
 * CORS and security headers of a deployment. Bearer tokens only, never cookies: `*` without
 * credentials is safe, and credentials stay off.
 *
 * Everything constant is set on the Response that a route made, one by one, because that is what
 * costs least: on Deno a Response that is built from other Headers takes twenty times as long.
 */
export function createAnswerHeaders(allowedOrigins: readonly string[]): AnswerHeaders {
  const everyOrigin = allowedOrigins.includes("*");
  const origins = new Set(allowedOrigins);
  const exposed = exposedHeaders.join(",");
  return {
    complete(headers, origin) {
      for (const [name, value] of securityHeaders) headers.set(name, value);
      if (everyOrigin) headers.set("access-control-allow-origin", "*");
      else headers.append("vary", "Origin");
      // Only browsers name their origin, and only they ask what a script may read.
      if (origin === undefined) return;
      headers.set("access-control-expose-headers", exposed);
      if (!everyOrigin && origins.has(origin)) {
        headers.set("access-control-allow-origin", origin);
      }
    },
    preflight: () =>
      new Response(null, {
        status: 204,
        headers: {
          "access-control-allow-headers": allowedHeaders.join(","),
          "access-control-allow-methods": allowedMethods.join(","),
          "access-control-max-age": String(preflightSeconds),
          "vary": "Access-Control-Request-Headers",
        },
      }),
  };
}
