import type { MiddlewareHandler } from "hono";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { AppEnv } from "../../../shared/http/base-app.ts";

/**
 * Refuses a body of another type. Where the body is optional the framework would pass it over, and
 * a deletion that was to wait would happen at once.
 */
export function requireJsonBody(): MiddlewareHandler<AppEnv> {
  return async function requireJsonBody(c, next) {
    const [type = ""] = (c.req.header("content-type") ?? "").split(";");
    if (!/^application\/([a-z.-]+\+)?json$/i.test(type.trim()) && await c.req.text() !== "") {
      throw new AppError(
        "unsupported_media_type",
        "The body has a content type this route does not take, send application/json",
      );
    }
    await next();
  };
}
