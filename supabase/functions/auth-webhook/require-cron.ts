import type { MiddlewareHandler } from "hono";
import { isSameSecret } from "../../../shared/auth/compare-secret.ts";
import { requireSetting } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { AppEnv } from "../../../shared/http/base-app.ts";

/** Lets only the scheduler pass, which knows HEIMDEX_CRON_SECRET. */
export function requireCron(): MiddlewareHandler<AppEnv> {
  return async function requireCron(c, next) {
    const header = c.req.header("authorization") ?? "";
    const given = /^bearer +(\S+)$/i.exec(header)?.[1] ?? "";
    if (!await isSameSecret(given, requireSetting(c.var.deps.env, "cronSecret"))) {
      throw new AppError(
        "key_invalid",
        "Send the cron secret of this deployment as Authorization: Bearer <secret>",
      );
    }
    await next();
  };
}
