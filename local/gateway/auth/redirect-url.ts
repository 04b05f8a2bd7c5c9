import type { AuthContext } from "./context.ts";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Where a mailed link leads: the asked-for target when it is allowed, else the site URL. */
export function chooseRedirect(c: AuthContext, asked?: string): string {
  const { siteUrl, settings } = c.var.services;
  const target = asked ?? c.req.query("redirect_to") ?? c.req.header("redirect_to") ?? "";
  return isAllowed(target, siteUrl, settings.additionalRedirectUrls) ? target : siteUrl;
}

function isAllowed(target: string, siteUrl: string, patterns: readonly string[]): boolean {
  if (!URL.canParse(target)) return false;
  const url = new URL(target);
  const site = new URL(siteUrl);
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  if (isWeb && LOOPBACK.has(url.hostname)) return true;
  if (url.protocol === site.protocol && url.host === site.host) return true;
  const withoutFragment = target.split("#")[0] ?? "";
  return patterns.some((pattern) => globToRegExp(pattern).test(withoutFragment));
}

/** `**` crosses dots and slashes, `*` does not, as in the dashboard's redirect patterns. */
function globToRegExp(pattern: string): RegExp {
  const source = pattern.split("**").map((part) => part.split("*").map(escapeRegExp).join("[^./]*"))
    .join(".*");
  return new RegExp(`^${source}$`);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}
