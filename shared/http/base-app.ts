import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { requestId, type RequestIdVariables } from "hono/request-id";
import { matchedRoutes } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import type { ZodError } from "zod";
import { AppError, type FieldError } from "../errors/app-error.ts";
import { toProblem } from "../errors/problem.ts";
import { type Deps, describeError } from "./deps.ts";
import type { UserVariables } from "./require-user.ts";

/** Hono environment of every function. */
export type AppEnv = {
  Variables: RequestIdVariables & {
    deps: Deps;
    /** Milliseconds by name, answered as Server-Timing. */
    timings: Map<string, number>;
  };
};

/** A function's app: routes are registered on it with `app.openapi(route, handler)`. */
export type App = OpenAPIHono<AppEnv>;

/** How one function differs from the others. */
export interface BaseAppOptions {
  /** Largest body in bytes for a path inside the function; undefined: 1,048,576. */
  maxBodyBytes?: (path: string) => number | undefined;
}

const defaultBodyBytes = 1024 * 1024;

/**
 * The frame of every function: request id, CORS and security headers on every answer, one log line
 * a request, Server-Timing, a body limit checked before anything is parsed, and problem documents
 * for every failure. Paths are answered with and without `/functions/v1/<name>` in front.
 */
export function createBaseApp(name: string, deps: Deps, options: BaseAppOptions = {}): App {
  const app = new OpenAPIHono<AppEnv>({
    getPath: (request) => stripFunctionName(new URL(request.url).pathname, name),
    defaultHook: (result) => {
      if (!result.success) throw validationFailed(result.error, result.target);
    },
  });
  app.use(requestId({ limitLength: 64 }));
  app.use(observe(name, deps));
  app.use(cors(corsOptions(deps.env.allowedOrigins)));
  app.use(secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    crossOriginResourcePolicy: "cross-origin",
  }));
  app.use(limitBody((path) => options.maxBodyBytes?.(path) ?? defaultBodyBytes));
  app.notFound((c) => {
    throw unmatched(app, c);
  });
  app.onError((error, c) => respondProblem(c, error));
  return app;
}

/** Leaves the path as it stands inside the function: `/functions/v1/me/usage` -> `/usage`. */
function stripFunctionName(path: string, name: string): string {
  const inside = path.replace(/^\/functions\/v1(?=\/|$)/, "");
  const own = inside === `/${name}` || inside.startsWith(`/${name}/`)
    ? inside.slice(name.length + 1)
    : inside;
  return own.length > 1 && own.endsWith("/") ? own.slice(0, -1) : own || "/";
}

/** One log line a request, timings and the headers no answer may lack. */
function observe(name: string, deps: Deps): MiddlewareHandler<AppEnv & Optional<UserVariables>> {
  return async function observe(c, next) {
    const started = performance.now();
    c.set("deps", deps);
    c.set("timings", new Map());
    await next();
    const ms = performance.now() - started;
    c.var.timings.set("total", ms);
    c.header("server-timing", serverTiming(c.var.timings));
    c.header("cache-control", c.res.headers.get("cache-control") ?? "no-store");
    const problem = c.error ? toProblem(fromHttpException(c.error), c.var.requestId).body : null;
    deps.log({
      level: c.res.status >= 500 ? "error" : "info",
      time: deps.now().toISOString(),
      function: name,
      route: matchedRoutes(c).findLast((route) => route.method !== "ALL")?.path ?? null,
      method: c.req.method,
      status: c.res.status,
      ms: Math.round(ms * 100) / 100,
      request_id: c.var.requestId,
      user_id: c.var.user?.supabaseUserId ?? null,
      code: problem?.code ?? null,
      ...(c.res.status >= 500 && c.error ? describeError(c.error) : {}),
    });
  };
}

type Optional<V extends object> = { Variables: Partial<V> };

function serverTiming(timings: ReadonlyMap<string, number>): string {
  return [...timings].map(([name, ms]) => `${name};dur=${ms.toFixed(2)}`).join(", ");
}

/** Bearer tokens only, never cookies: `*` without credentials is safe, credentials stay off. */
function corsOptions(allowedOrigins: string[]): Parameters<typeof cors>[0] {
  return {
    origin: allowedOrigins.includes("*") ? "*" : allowedOrigins,
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [
      "accept",
      "accept-language",
      "apikey",
      "authorization",
      "baggage",
      "content-type",
      "idempotency-key",
      "traceparent",
      "tracestate",
      "x-client-info",
      "x-region",
      "x-request-id",
      "x-retry-count",
      "x-supabase-api-version",
    ],
    exposeHeaders: [
      "allow",
      "retry-after",
      "server-timing",
      "www-authenticate",
      "x-erasure-id",
      "x-request-id",
    ],
    maxAge: 600,
  };
}

function limitBody(limitOf: (path: string) => number): MiddlewareHandler<AppEnv> {
  return function limitBody(c, next) {
    const maxSize = limitOf(c.req.path);
    return bodyLimit({
      maxSize,
      onError: () => {
        throw new AppError(
          "payload_too_large",
          `The body is larger than ${maxSize} bytes, send a smaller one`,
        );
      },
    })(c, next);
  };
}

/** 405 when the path exists under other methods, 404 otherwise. */
function unmatched(app: App, c: Context<AppEnv>): AppError {
  const allowed = new Set<string>();
  for (const route of app.routes) {
    if (route.method !== "ALL" && matchesPath(route.path, c.req.path)) allowed.add(route.method);
  }
  if (allowed.has("GET")) allowed.add("HEAD");
  if (allowed.size === 0) {
    return new AppError("route_not_found", `No route answers ${c.req.method} ${c.req.path}`);
  }
  const allow = [...allowed].sort().join(", ");
  return new AppError(
    "method_not_allowed",
    `The route does not answer ${c.req.method}, use ${allow}`,
    { headers: { allow } },
  );
}

function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return wanted.length === given.length &&
    wanted.every((part, i) => part.startsWith(":") ? given[i] !== "" : part === given[i]);
}

function respondProblem(c: Context<AppEnv>, error: unknown): Response {
  const problem = toProblem(fromHttpException(error), c.var.requestId, c.var.deps.now());
  return c.body(JSON.stringify(problem.body), problem.status, problem.headers);
}

/** The framework's own refusals, in our language. */
function fromHttpException(error: unknown): unknown {
  if (!(error instanceof HTTPException)) return error;
  if (error.status === 400) {
    return new AppError("invalid_json", "The body cannot be read as JSON, check its syntax");
  }
  if (error.status === 415) {
    return new AppError(
      "unsupported_media_type",
      "The body has a content type this route does not take, send application/json",
    );
  }
  return error;
}

function validationFailed(error: ZodError, target: string): AppError {
  const errors: FieldError[] = error.issues.flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({
      path: path === "" ? key : `${path}.${key}`,
      message: "This field is unknown",
    }));
  });
  const names = [...new Set(errors.map((one) => one.path).filter(Boolean))].slice(0, 5);
  const where = target === "json" ? "body" : target;
  const detail = names.length > 0
    ? `The ${where} is not valid, check ${names.join(", ")}`
    : `The ${where} is not valid`;
  return new AppError("validation_failed", detail, { errors });
}
