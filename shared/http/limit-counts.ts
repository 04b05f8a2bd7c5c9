import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./base-app.ts";
import { limitBy } from "./rate-limit.ts";

/**
 * Limits a list where it is asked to count all it has (`?count=exact`); a page of it alone is a
 * walk along an index and free.
 * @throws AppError rate_limited (429), from the route's own call of the database
 */
export function limitCounts(): MiddlewareHandler<AppEnv> {
  const limit = limitBy("count");
  return async function limitCounts(c, next) {
    await (c.req.query("count") === undefined ? next() : limit(c, next));
  };
}
