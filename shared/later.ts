import type {} from "@hono/zod-openapi";
import * as z from "zod";

// The OpenAPI document is written from the same schemas, by a tool that loads @hono/zod-openapi
// before any of them. A function answers requests and never needs what `.openapi()` notes.
const isDocumented = "openapi" in z.ZodType.prototype;

if (!isDocumented) {
  Object.assign(z.ZodType.prototype, {
    openapi(this: z.ZodType) {
      return this;
    },
  });
}

/**
 * A schema that is made when it is first used. A function has a hundred of them, a request needs
 * two or three, and to make all takes longer at the start than everything else.
 */
export function later<S extends z.ZodType>(make: () => S): S {
  if (isDocumented) return make();
  let made: S | undefined;
  const schema = () => made ??= make();
  return new Proxy({} as S, {
    get: (_, key) => Reflect.get(schema(), key),
    has: (_, key) => Reflect.has(schema(), key),
    getPrototypeOf: () => Reflect.getPrototypeOf(schema()),
  });
}
