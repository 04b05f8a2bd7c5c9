import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import type { ZodError } from "zod";
import { type ActivityNote, auditRefusal } from "../audit/audited.ts";
import { AppError, type FieldError } from "../errors/app-error.ts";
import { toProblem } from "../errors/problem.ts";
import { type AnswerHeaders, createAnswerHeaders } from "./answer-headers.ts";
import { createClientIpReader } from "./client-ip.ts";
import { type Deps, describeError, forwardClientIp } from "./deps.ts";
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
export type App = OpenAPIHono<AppEnv>;

/** How one function differs from the others. */
export interface BaseAppOptions {
  /** Largest body in bytes for a path inside the function; undefined: 65,536. */
  maxBodyBytes?: (path: string) => number | undefined;
}

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
  const app = new OpenAPIHono<AppEnv>({
    getPath: createPathReader(name),
    defaultHook: (result) => {
      if (!result.success) throw validationFailed(result.error, result.target);
    },
  });
  app.use(frame(name, deps, createAnswerHeaders(deps.env.allowedOrigins)));
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
  return app;
}

/** Reads the path as it stands inside the function: `/functions/v1/me/usage?x=1` -> `/usage`. */
function createPathReader(name: string): (request: Request) => string {
  return ({ url }) => {
    const path = readPath(url);
    // Hono takes an asterisk that is sent for its own wildcard, and runs what stands on it twice.
    const plain = path.includes("*") ? path.replaceAll("*", "%2A") : path;
    const inside = dropParts(dropParts(plain, "/functions/v1"), `/${name}`);
    return inside.length > 1 && inside.endsWith("/") ? inside.slice(0, -1) : inside || "/";
  };
}

/** Path of a request's address, which the Request has normalised; a URL would parse it again. */
function readPath(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const query = url.indexOf("?", start);
  const path = query === -1 ? url.slice(start) : url.slice(start, query);
  const fragment = path.indexOf("#");
  return fragment === -1 ? path : path.slice(0, fragment);
}

/** Leaves out the first parts of a path, if they are these and whole. */
function dropParts(path: string, parts: string): string {
  const isFirst = path.startsWith(parts) &&
    (path.length === parts.length || path[parts.length] === "/");
  return isFirst ? path.slice(parts.length) : path;
}

/** An id a caller may choose: what fits a log line and a header unchanged. */
const usableRequestId = /^[\w=-]{1,64}$/;

/**
 * What surrounds every answer: the request id, timings, the headers no answer may lack and one log
 * line. Headers are set on the Response as it is: `c.header()` after an answer builds it anew.
 */
function frame(
  name: string,
  deps: Deps,
  answer: AnswerHeaders,
): MiddlewareHandler<AppEnv & Optional<UserVariables>> {
  const readClientIp = createClientIpReader(deps.env);
  return async function frame(c, next) {
    const started = performance.now();
    const timings = new Map<string, number>();
    const given = c.req.header("x-request-id");
    const requestId = given && usableRequestId.test(given) ? given : crypto.randomUUID();
    const clientIp = readClientIp((header) => c.req.header(header));
    c.set("clientIp", clientIp);
    c.set("deps", forwardClientIp(deps, clientIp));
    c.set("requestId", requestId);
    c.set("timings", timings);
    if (c.req.method === "OPTIONS") c.res = answer.preflight();
    else await next();
    const { headers } = c.res;
    answer.complete(headers, c.req.header("origin"));
    headers.set("x-request-id", requestId);
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
    const ms = performance.now() - started;
    timings.set("total", ms);
    headers.set("server-timing", serverTiming(timings));
    logRequest(c, { name, deps, ms });
  };
}

type Optional<V extends object> = { Variables: Partial<V> };

function logRequest(
  c: Context<AppEnv & Optional<UserVariables>>,
  { name, deps, ms }: { name: string; deps: Deps; ms: number },
): void {
  const { status } = c.res;
  const { error } = c;
  const requestId = c.get("requestId");
  const line = {
    level: status >= 500 ? "error" : "info",
    time: deps.now().toISOString(),
    function: name,
    route: answeringRoute(c),
    method: c.req.method,
    status,
    ms: Math.round(ms * 100) / 100,
    request_id: requestId,
    user_id: c.get("user")?.supabaseUserId ?? null,
    code: error ? toProblem(fromHttpException(error), requestId).body.code : null,
  };
  deps.log(status >= 500 && error ? { ...line, ...describeError(error) } : line);
}

/** The pattern of the route that the request met; null when it met none. */
function answeringRoute(c: Context): string | null {
  const path = routePath(c, -1);
  return path === everyPath ? null : path;
}

function serverTiming(timings: ReadonlyMap<string, number>): string {
  let text = "";
  for (const [name, ms] of timings) text += `${text && ", "}${name};dur=${ms.toFixed(2)}`;
  return text;
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
