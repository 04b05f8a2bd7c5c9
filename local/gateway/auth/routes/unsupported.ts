import type { AuthApp } from "../context.ts";
import { AuthError } from "../errors.ts";

const mfaDisabled = () =>
  new AuthError(422, "mfa_totp_enroll_not_enabled", "MFA enroll is disabled for TOTP");
const linkingDisabled = () =>
  new AuthError(404, "manual_linking_disabled", "Manual linking is disabled");
const samlDisabled = () => new AuthError(404, "saml_provider_disabled", "SAML 2.0 is disabled");

/** What is switched off answers as a project that never switched it on; the rest is 404 JSON. */
export function registerUnsupported(app: AuthApp): void {
  for (const path of ["/factors", "/factors/*"]) app.all(path, () => refuse(mfaDisabled()));
  for (const path of ["/sso", "/sso/*"]) app.all(path, () => refuse(samlDisabled()));
  app.all("/user/identities/*", () => refuse(linkingDisabled()));
  app.all("*", (c) => {
    const { method, path } = c.req;
    const allowed = app.routes.filter((route) => route.path === path).map((route) => route.method);
    if (allowed.length > 0) return c.body(null, 405, { allow: allowed.join(", ") });
    throw new AuthError(404, "not_found", `Nothing is served at ${method} ${path}`);
  });
}

function refuse(error: AuthError): never {
  throw error;
}
