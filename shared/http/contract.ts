import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import { type Env, type Handler, Hono, type MiddlewareHandler, type ValidationTargets } from "hono";
import { HTTPException } from "hono/http-exception";
import { validator } from "hono/validator";
import type { ZodError, ZodType } from "zod";

/** A part of a request that does not fit its schema. */
export interface Fault {
  error: ZodError;
  target: keyof ValidationTargets;
}

/** What {@link ContractApp} takes besides the options of Hono. */
export type ContractOptions<E extends Env> = ConstructorParameters<typeof Hono<E>>[0] & {
  /** Throws what a request is refused with. */
  refuse: (fault: Fault) => never;
};

/** Keeps the type of a route's contract as it is written. */
export function createRoute<P extends string, R extends Omit<RouteConfig, "path"> & { path: P }>(
  contract: R,
): R {
  return contract;
}

/**
 * An app whose routes check requests by their contract, as OpenAPIHono does. It writes no document:
 * that takes code which is larger than a function, and is done by a tool from `contracts`.
 */
export class ContractApp<E extends Env> extends Hono<E> {
  /** The contracts of all routes, in the order in which they were registered. */
  readonly contracts: RouteConfig[] = [];
  /** Registers a route: its middleware, then the checks of its contract, then the handler. */
  readonly openapi: OpenAPIHono<E>["openapi"];

  constructor({ refuse, ...options }: ContractOptions<E>) {
    super(options);
    const register = (contract: RouteConfig, handler: Handler) => {
      this.contracts.push(contract);
      this.on(
        [contract.method],
        [contract.path.replaceAll(/\/{(.+?)}/g, "/:$1")],
        ...[contract.middleware ?? []].flat(),
        ...checksOf(contract.request, refuse),
        handler,
      );
      return this;
    };
    // Its type derives the handler's from the contract, which this code takes as it comes.
    this.openapi = register as unknown as OpenAPIHono<E>["openapi"];
  }
}

type Refuse = (fault: Fault) => never;
type Request = NonNullable<RouteConfig["request"]>;

function checksOf(request: Request | undefined, refuse: Refuse): MiddlewareHandler[] {
  const { query, params, headers, body } = request ?? {};
  const parts = { query, param: params, header: headers } as const;
  const checks = Object.entries(parts).flatMap(([target, schema]) =>
    schema === undefined ? [] : [check(target as keyof typeof parts, schema, refuse)]
  );
  return [...checks, ...checksOfBody(body, refuse)];
}

/** JSON alone is checked here: another body is read by its handler. */
function checksOfBody(body: Request["body"], refuse: Refuse): MiddlewareHandler[] {
  const content = body?.content["application/json"];
  if (content === undefined || !("schema" in content)) return [];
  const checkJson = check("json", content.schema, refuse);
  return [requireJson, body?.required ? checkJson : whereSent(checkJson)];
}

/** Checks one part of a request. What a schema is stays untouched until then: it may not be made. */
function check(
  target: keyof ValidationTargets,
  schema: unknown,
  refuse: Refuse,
): MiddlewareHandler {
  return validator(target, async (value) => {
    const parsed = await (schema as ZodType).safeParseAsync(value);
    return parsed.success ? parsed.data : refuse({ error: parsed.error, target });
  });
}

const json = /^application\/([a-z-.]+\+)?json(;\s*[a-zA-Z0-9-]+=([^;]+))*$/i;

/** Refuses a body of another kind, and one that does not say what it is. */
const requireJson: MiddlewareHandler = async (c, next) => {
  const type = c.req.header("content-type");
  const isTaken = type
    ? json.test(type)
    : c.req.raw.body === null || (await c.req.arrayBuffer()).byteLength === 0;
  if (!isTaken) throw new HTTPException(415);
  await next();
};

/** A body that may be left out reads as an empty object then. */
function whereSent(checkJson: MiddlewareHandler): MiddlewareHandler {
  return async (c, next) => {
    if (c.req.header("content-type")) return await checkJson(c, next);
    c.req.addValidatedData("json", {});
    await next();
  };
}
