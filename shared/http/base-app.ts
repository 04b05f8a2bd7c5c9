import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import type { ZodError } from "zod";
import { type ActivityNote, auditRefusal } from "../audit/audited.ts";
import { AppError, type FieldError } from "../errors/app-error.ts";
import { toProblem } from "../errors/problem.ts";
import { ContractApp } from "./contract.ts";
import { type Deps, forwardClientIp } from "./deps.ts";
import { createFrame, type Frame, type Outcome } from "./frame.ts";
import { createPathReader } from "./function-path.ts";
import { defaultBodyBytes, readBody } from "./read-body.ts";
import type { UserVariables } from "./require-user.ts";

/** Hono environment of every function. */
export type AppEnv = {
  Variables: {
    deps: Deps;
    requestId: string;
    /** Milliseconds by name, answered as Server-Timing. */
    timings: Map<string, number>;
    /** The caller's address as the platform tells it; null where it does not. */
    clientIp: string | null;
    /** What the route does, for the audit trail; set by `audited()`. */
    activity?: ActivityNote;
  };
};

/** A function's app: routes are registered on it with `app.openapi(route, handler)`. */
export type App = ContractApp<AppEnv>;

/** How one function differs from the others. */
export interface BaseAppOptions {
  /** Largest body in bytes for a path inside the function, or `leftToRoute`; undefined: 65,536. */
  maxBodyBytes?: (path: string) => number | undefined;
  /** Asked before any route; what it does not answer goes the way of all requests. */
  shortcut?: Shortcut;
}

/**
 * Answers a request ahead of the routes, or leaves it to them. Only for a route that is worth it:
 * what it answers has to be what the route would.
 * @param pathOf reads the path as it stands inside the function
 */
export type Shortcut = (
  request: Request,
  pathOf: (request: Request) => string,
  frame: Frame,
) => Response | undefined;

/** Path of middleware, which answers nothing itself. */
const everyPath = "/*";

/** Faults that one answer names. */
const mostFaults = 50;

/**
 * The frame of every function: request id, CORS and security headers on every answer, one log line
 * a request, Server-Timing, a body limit checked before anything is parsed, and problem documents
 * for every failure. Paths are answered with and without `/functions/v1/<name>` in front.
 */
export function createBaseApp(name: string, deps: Deps, options: BaseAppOptions = {}): App {
  const frame = createFrame(name, deps);
  const getPath = createPathReader(name);
  const app = new ContractApp<AppEnv>({
    getPath,
    refuse: ({ error, target }) => {
      throw validationFailed(error, target);
    },
  });
  app.use(framed(frame, deps));
  // Only where a body may be: a middleware that has nothing to do still costs a microsecond.
  app.on(
    ["POST", "PUT", "PATCH", "DELETE"],
    everyPath,
    readBody((path) => options.maxBodyBytes?.(path) ?? defaultBodyBytes),
  );
  const refuse = (error: Error, c: Context<AppEnv>) => {
    auditRefusal(c, name, error);
    return respondProblem(c, error);
  };
  // Answered and not thrown: where the frame is all that a path meets, nobody would catch it.
  app.notFound((c) => refuse(c.error = unmatched(app, c), c));
  app.onError(refuse);
  const { shortcut } = options;
  if (shortcut) askFirst(app, (request) => shortcut(request, getPath, frame));
  return app;
}

/** Asks before the routes, which get what fails there too: they answer failures as a problem. */
function askFirst(app: App, shortcut: (request: Request) => Response | undefined): void {
  const answer = app.fetch;
  app.fetch = (request, ...rest) => {
    try {
      return shortcut(request) ?? answer(request, ...rest);
    } catch {
      return answer(request, ...rest);
    }
  };
}

/** Puts the frame around what Hono answers. */
function framed(
  frame: Frame,
  deps: Deps,
): MiddlewareHandler<AppEnv & Optional<UserVariables>> {
  return async function framed(c, next) {
    const { raw: request } = c.req;
    const opened = frame.open(request);
    c.set("clientIp", opened.clientIp);
    c.set("deps", forwardClientIp(deps, opened.clientIp));
    c.set("requestId", opened.requestId);
    c.set("timings", opened.timings);
    if (request.method === "OPTIONS") c.res = frame.preflight();
    else await next();
    frame.close(request, opened, c.res, readOutcome(c));
  };
}

type Optional<V extends object> = { Variables: Partial<V> };

function readOutcome(c: Context<AppEnv & Optional<UserVariables>>): Outcome {
  const { error } = c;
  const requestId = c.get("requestId");
  return {
    route: answeringRoute(c),
    userId: c.get("user")?.supabaseUserId ?? null,
    code: error ? toProblem(fromHttpException(error), requestId).body.code : null,
    error,
  };
}

/** The pattern of the route that the request met; null when it met none. */
function answeringRoute(c: Context): string | null {
  const path = routePath(c, -1);
  return path === everyPath ? null : path;
}

/** 405 when the path exists under other methods, 404 otherwise. */
function unmatched(app: App, c: Context<AppEnv>): AppError {
  const allowed = new Set<string>();
  for (const route of app.routes) {
    if (route.path !== everyPath && matchesPath(route.path, c.req.path)) allowed.add(route.method);
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
  const problem = toProblem(fromHttpException(error), c.get("requestId"), c.get("deps").now());
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
  const errors: FieldError[] = error.issues.slice(0, mostFaults).flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    return issue.keys.slice(0, mostFaults).map((key) => ({
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
