import type { AuthApp } from "../context.ts";

const CACHED = { "cache-control": "public, max-age=600" };

/** The public half of the signing key and the OpenID discovery document. */
export function registerGetJwks(app: AuthApp): void {
  app.get("/.well-known/jwks.json", (c) => c.json(c.var.services.keys.jwks, 200, CACHED));
  app.get("/.well-known/openid-configuration", (c) => {
    const issuer = `${c.var.services.publicUrl()}/auth/v1`;
    const body = {
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ["ES256"],
    };
    return c.json(body, 200, CACHED);
  });
}
