import type { MiddlewareHandler } from "hono";
import { EnvError } from "../../../shared/env.ts";
import { type Signed, verifySignature } from "../../../shared/events/verify-signature.ts";
import type { AppEnv } from "../../../shared/http/base-app.ts";

export interface SignatureVariables {
  /** The delivery whose signature was checked. */
  signed: Signed;
}

export type SignedEnv = { Variables: AppEnv["Variables"] & SignatureVariables };

/** Lets only requests pass that one of our webhook secrets signed; runs before anything is parsed. */
export function requireSignature(): MiddlewareHandler<SignedEnv> {
  return async function requireSignature(c, next) {
    const { env, now } = c.var.deps;
    if (env.webhookSecrets.length === 0) {
      throw new EnvError(["HEIMDEX_WEBHOOK_SECRETS is not set"]);
    }
    const { headers } = c.req.raw;
    const body = await c.req.text();
    c.set("signed", verifySignature({ headers, body, secrets: env.webhookSecrets, now: now() }));
    await next();
  };
}
