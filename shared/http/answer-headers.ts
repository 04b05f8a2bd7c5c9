/**
 * Security headers of every answer. Nothing here is a page, so nothing may be loaded or framed; those
 * that say something to pages only (opener, embedder and plugin policies) are left out.
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
  /** Adds cache, CORS and security headers, all that does not depend on the request. */
  complete(answer: Headers): void;
  /**
   * Adds what does.
   * @param request its headers
   */
  adapt(answer: Headers, request: Headers): void;
  /** The answer to a preflight; the others are still due. */
  preflight(): Response;
}

/**
 * CORS and security headers of a deployment. Bearer tokens only, never cookies: `*` without
 * credentials is safe, and credentials stay off.
 *
 * They are set on the Response that a route made, one by one, because that is what costs least: on
 * Deno a Response that is built from other Headers takes twenty times as long. None is left out to
 * make the answer shorter: Deno's server sends head and body with one system call only where a head
 * of more than 512 octets has made its buffer grow, and the second call costs more than all of them.
 */
export function createAnswerHeaders(allowedOrigins: readonly string[]): AnswerHeaders {
  const everyOrigin = allowedOrigins.includes("*");
  const origins = new Set(allowedOrigins);
  const common = [
    ...securityHeaders,
    ["access-control-expose-headers", exposedHeaders.join(",")],
    ...everyOrigin ? [["access-control-allow-origin", "*"] as const] : [],
  ] as const;
  return {
    complete(answer) {
      for (const [name, value] of common) answer.set(name, value);
      if (!answer.has("cache-control")) answer.set("cache-control", "no-store");
      if (!everyOrigin) answer.append("vary", "Origin");
    },
    adapt(answer, request) {
      if (everyOrigin) return;
      const origin = request.get("origin");
      if (origin !== null && origins.has(origin)) {
        answer.set("access-control-allow-origin", origin);
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
