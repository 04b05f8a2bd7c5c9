import type { AuthApp } from "../context.ts";
import { AuthError } from "../errors.ts";
import { grantByPassword } from "../password-grant.ts";
import { grantByAuthCode } from "../pkce.ts";
import { assertWithinLimit } from "../rate-limit.ts";
import { grantByRefreshToken } from "../refresh-grant.ts";

/** POST /token?grant_type=password|refresh_token|pkce. */
export function registerPostToken(app: AuthApp): void {
  app.post("/token", async (c) => {
    assertWithinLimit(c, "token");
    switch (c.req.query("grant_type")) {
      case "password":
        return c.json(await grantByPassword(c));
      case "refresh_token":
        return c.json(await grantByRefreshToken(c));
      case "pkce":
        return c.json(await grantByAuthCode(c));
      case "id_token":
        throw new AuthError(400, "provider_disabled", "Provider is not enabled");
      case "web3":
        throw new AuthError(422, "web3_provider_disabled", "Web3 provider is disabled");
      default:
        throw new AuthError(400, "invalid_credentials", "unsupported_grant_type");
    }
  });
}
