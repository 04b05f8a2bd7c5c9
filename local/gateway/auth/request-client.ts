import { isIP } from "node:net";
import type { AuthContext } from "./context.ts";
import type { Client } from "./sessions.ts";

/** What a request tells of its sender; the address only through a proxy or a trusted server. */
export function readClient(c: AuthContext): Client {
  const address = readAddress(c);
  return {
    userAgent: c.req.header("user-agent") ?? null,
    ip: isIP(address) ? address : null,
  };
}

/**
 * What the limits by address count; empty for a request that is not limited. A server with the
 * secret key tells whose request it passes on (`Sb-Forwarded-For`, first value, GoTrue's
 * internal/sbff); from anybody else, and with a value that is no address, that header counts for
 * nothing.
 */
export function readAddress(c: AuthContext): string {
  const { settings, secretKey } = c.var.services;
  if (settings.ipForwarding && c.req.header("apikey") === secretKey) {
    const forwarded = firstValue(c.req.header("sb-forwarded-for"));
    if (isIP(forwarded)) return forwarded;
  }
  return firstValue(c.req.header(settings.rateLimitHeader));
}

function firstValue(header: string | undefined): string {
  return header?.split(",")[0]?.trim() ?? "";
}
