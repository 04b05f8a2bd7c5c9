import type { MiddlewareHandler } from "hono";
import { isSameSecret } from "../auth/compare-secret.ts";
import { AppError } from "../errors/app-error.ts";
import type { AppEnv } from "./base-app.ts";

/**
 * Lets only workers pass, which know one of HEIMDEX_WORKER_KEYS. The project's secret key is none of
 * them. Without such keys in the environment nobody passes.
 * @throws AppError key_invalid (401)
 */
export function requireWorker(): MiddlewareHandler<AppEnv> {
  return async function requireWorker(c, next) {
    const header = c.req.header("authorization") ?? "";
    const given = /^bearer +(\S+)$/i.exec(header.trim())?.[1] ?? "";
    const { workerKeys } = c.var.deps.env;
    // Every key is compared, so that the time tells nothing of which one it was.
    const matches = await Promise.all(workerKeys.map((key) => isSameSecret(given, key)));
    if (!matches.includes(true)) {
      throw new AppError(
        "key_invalid",
        "Send one of the worker keys of this deployment as Authorization: Bearer <key>",
      );
    }
    await next();
  };
}
