import { isIP } from "node:net";
import type { AuthContext } from "./context.ts";
import type { Client } from "./sessions.ts";

/** What a request tells of its sender; the address only through a proxy's header. */
export function readClient(c: AuthContext): Client {
  const header = c.var.services.settings.rateLimitHeader;
  const address = c.req.header(header)?.split(",")[0]?.trim() ?? "";
  return {
    userAgent: c.req.header("user-agent") ?? null,
    ip: isIP(address) ? address : null,
  };
}
