import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { AppError } from "../errors/app-error.ts";
import type { ErrorCode } from "../errors/codes.ts";
import type { AppEnv } from "../http/base-app.ts";
import type { UserVariables } from "../http/require-user.ts";
import {
  type Activity,
  type ActivityType,
  type Actor,
  auditedRefusals,
  type Counted,
  type Resource,
} from "./activities.ts";
import { isUuid } from "../text/uuid.ts";

/** What a route's activity is about, and what its handler learned of it. */
export interface ActivityNote {
  type: ActivityType | null;
  /** UUID under which it is written once, for what can be asked for again without an end. */
  eventId?: string;
  actor?: Actor;
  resource?: Resource;
  resourceId?: string;
  userId?: string;
  counted?: Counted;
  /** Nothing was changed, so there is nothing to write. */
  isNothing?: boolean;
}

type Noting = Context<AppEnv & { Variables: Partial<UserVariables> }>;

/**
 * Marks a route that changes state: it writes one audit event after its answer, and one when it is
 * refused for a reason that matters. Stands first among the route's middleware.
 *
 * The resource is the one whose id stands in the path; a handler that learns it, or the user, says
 * so with {@link noteActivity}.
 */
export function audited(
  type: ActivityType,
  o: { resource?: Resource; actor?: Actor } = {},
): MiddlewareHandler<AppEnv> {
  return async function audited(c, next) {
    c.set("activity", { type, ...o, ...pathId(c) });
    await next();
    recordDone(c);
  };
}

/** Marks a route that changes nothing and that statistics count: it writes no audit event. */
export function counted(type: Counted["type"]): MiddlewareHandler<AppEnv> {
  return async function counted(c, next) {
    c.set("activity", { type: null, counted: { type } });
    await next();
    recordDone(c);
  };
}

/** Tells what only the handler knows of the activity of its route. */
export function noteActivity(
  c: { get(name: "activity"): ActivityNote | undefined },
  known: Partial<ActivityNote>,
): void {
  const note = c.get("activity");
  if (note) Object.assign(note, known);
}

/** Refusals of callers who did not prove to be the worker, the sender or the scheduler. */
const unproven: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "key_invalid",
  "signature_invalid",
  "signature_expired",
]);

/** Writes the refusal of a request, if it is one that matters. Called for every error. */
export function auditRefusal(c: Context<AppEnv>, name: string, error: unknown): void {
  if (!(error instanceof AppError) || !auditedRefusals.has(error.code)) return;
  const note = c.get("activity");
  const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL")?.path ?? "";
  record(c, {
    ...note,
    type: note?.type ?? "request.refused",
    ...(note?.type ? {} : { route: `${c.req.method} ${name}${route}`, ...pathId(c) }),
    ...(unproven.has(error.code) ? { actor: "anonymous" as const } : {}),
    counted: undefined,
    outcome: "refused",
    code: error.code,
  });
}

function recordDone(c: Context<AppEnv>): void {
  const note = c.get("activity");
  if (!note || note.isNothing || c.error || c.res.status >= 400) return;
  record(c, { ...note, outcome: "ok" });
}

function record(
  c: Noting,
  { isNothing: _, ...said }:
    & Omit<Partial<ActivityNote>, "counted">
    & Pick<Activity, "type" | "outcome">
    & Pick<Partial<Activity>, "counted" | "code" | "route">,
): void {
  const userId = said.userId ?? c.get("user")?.supabaseUserId ?? null;
  c.get("deps").activities.record({
    ...said,
    userId,
    actor: said.actor ?? (userId === null ? "anonymous" : "user"),
    requestId: c.get("requestId"),
    clientIp: c.get("clientIp") ?? null,
    userAgent: c.req.header("user-agent") ?? null,
  });
}

/** Only a UUID: anything else in the path is a text of the caller. */
function pathId(c: Context<AppEnv>): { resourceId?: string } {
  const id = c.req.param("id");
  return id !== undefined && isUuid(id) ? { resourceId: id.toLowerCase() } : {};
}
