import type { MiddlewareHandler } from "hono";
import { isStatusToken } from "../../../shared/erasure/account/status-token.ts";
import type { ErasureHolder } from "../../../shared/erasure/account/read-erasure.ts";
import type { AppEnv } from "../../../shared/http/base-app.ts";
import { type UserVariables, verifyBearer } from "../../../shared/http/require-user.ts";

/** Hono environment of routes behind {@link requireErasureHolder}. */
export type HolderEnv = {
  Variables: AppEnv["Variables"] & Partial<UserVariables> & { holder: ErasureHolder };
};

/**
 * Lets pass who may ask for an erasure: the holder of its status token, also when the account is
 * gone, or the user with an access token.
 * @throws AppError token_missing, token_invalid, token_expired (401), keys_unavailable (503)
 */
export function requireErasureHolder(): MiddlewareHandler<HolderEnv> {
  return async function requireErasureHolder(c, next) {
    const header = c.req.header("authorization");
    const statusToken = readStatusToken(header);
    if (statusToken === undefined) {
      const verified = await verifyBearer(c.var.deps.verifier, header);
      c.set("user", verified.user);
      c.set("holder", { verified });
    } else {
      c.set("holder", { statusToken });
    }
    await next();
  };
}

function readStatusToken(header = ""): string | undefined {
  const token = /^bearer +(\S+)$/i.exec(header.trim())?.[1];
  return token !== undefined && isStatusToken(token) ? token : undefined;
}
