import type { Env } from "../env.ts";

/**
 * Security headers of every answer. Nothing here is a page, so nothing may be loaded or framed; those
 * that say something to pages only (opener, embedder and plugin policies) are left out.
 */
const securityHeaders: readonly (readonly [name: string, value: string])[] = [
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["referrer-policy", "no-referrer"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
];

/** Where a deployment is reached over TLS: RFC 6797, 7.2, forbids it elsewhere. */
const transportSecurity = [
  "strict-transport-security",
  "max-age=15552000; includeSubDomains",
] as const;

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
   * Adds cache, CORS and security headers to an answer.
   * @param request the headers of what it answers
   */
  complete(answer: Headers, request: Headers): void;
  /** The answer to a preflight; `complete` is still due. */
  preflight(): Response;
}

/**
 * CORS and security headers of a deployment. Bearer tokens only, never cookies: `*` without
 * credentials is safe, and credentials stay off.
 *
 * They are set on the Response that a route made, one by one: on Deno one that is built from other
 * Headers takes longer. How many octets they are counts too, see docs/adr/0014.
 */
export function createAnswerHeaders(
  { allowedOrigins, supabaseUrl }: Pick<Env, "allowedOrigins" | "supabaseUrl">,
): AnswerHeaders {
  const everyOrigin = allowedOrigins.includes("*");
  const origins = new Set(allowedOrigins);
  const constant: readonly (readonly [name: string, value: string])[] = [
    ...securityHeaders,
    ...supabaseUrl.startsWith("https:") ? [transportSecurity] : [],
    ["access-control-expose-headers", exposedHeaders.join(",")],
    ...everyOrigin ? [["access-control-allow-origin", "*"] as const] : [],
  ];
  return {
    complete(answer, request) {
      for (const [name, value] of constant) answer.set(name, value);
      if (!answer.has("cache-control")) answer.set("cache-control", "no-store");
      if (everyOrigin) return;
      answer.append("vary", "Origin");
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
