import type { Context, MiddlewareHandler } from "hono";
import type { Database } from "../database/doors.ts";
import { limitHeaders } from "../limits/limit-answers.ts";
import {
  type CallLimits,
  callLimits,
  type CallResource,
  type LimitState,
  type UserResource,
} from "../limits/limits.ts";
import { hashAddress } from "../limits/subjects.ts";
import { type CallCharge, takeLimits } from "../limits/take-limits.ts";
import type { AppEnv } from "./base-app.ts";
import { toClientNetwork } from "./client-ip.ts";
import type { UserEnv } from "./require-user.ts";

/**
 * Limits a route of signed-in users. The charge rides in the opening statement of the route's first
 * transaction as the user, so it costs no round trip; a request that is refused before (a body that
 * is not valid) is not counted. Answers carry RateLimit and RateLimit-Policy.
 * @throws AppError rate_limited (429), from the route's own call of the database
 */
export function limitBy(resource: UserResource): MiddlewareHandler<AppEnv> {
  return async function limitBy(c, next) {
    const deps = c.get("deps");
    const states: LimitState[] = [];
    const onLimit = (state: LimitState) => states.push(state);
    c.set("deps", { ...deps, database: chargeFirst(deps.database, resource, onLimit) });
    await next();
    tellLimits(c, states);
  };
}

/**
 * Limits a route that does its work elsewhere, in a transaction of its own that also asks whether
 * the session lives. Stands behind `requireUser()`.
 * @throws AppError rate_limited (429), session_revoked (401), database_unavailable (503)
 */
export function limitAhead(resource: UserResource): MiddlewareHandler<UserEnv> {
  return async function limitAhead(c, next) {
    const states: LimitState[] = [];
    await c.get("deps").database.asUser(c.get("verified"), () => Promise.resolve(), {
      limit: { resource },
      onLimit: (state) => states.push(state),
    });
    await next();
    tellLimits(c, states);
  };
}

/**
 * Limits a route that anybody may call: by client address where the deployment knows it, and by the
 * e-mail address the body names, known or not. Callers whose address the platform's header does not
 * tell share one count.
 * @throws AppError rate_limited (429), database_unavailable (503)
 */
export function limitCalls(resource: CallResource): MiddlewareHandler<AppEnv> {
  return async function limitCalls(c, next) {
    const charges = await chargeCall(c, resource, callLimits[resource]);
    const states = charges.length > 0 ? await takeLimits(c.get("deps").database, charges) : [];
    await next();
    tellLimits(c, states);
  };
}

function chargeFirst(
  database: Database,
  resource: UserResource,
  onLimit: (state: LimitState) => void,
): Database {
  let isDue = true;
  return {
    ...database,
    asUser(verified, fn, options) {
      if (!isDue) return database.asUser(verified, fn, options);
      isDue = false;
      return database.asUser(verified, fn, { ...options, limit: { resource }, onLimit });
    },
  };
}

async function chargeCall(
  c: Context<AppEnv>,
  resource: CallResource,
  { ip, address }: CallLimits,
): Promise<CallCharge[]> {
  const { env } = c.get("deps");
  const charges: CallCharge[] = [];
  if (env.clientIpHeader !== undefined) {
    const clientIp = c.get("clientIp");
    const network = clientIp === null ? null : toClientNetwork(clientIp);
    charges.push({
      name: `${resource}-ip`,
      subject: `ip:${network ?? "unknown"}`,
      resource,
      limit: ip,
      ...(network === null ? {} : { ipAddress: network }),
    });
  }
  const email = address ? await readEmail(c) : undefined;
  if (address && email !== undefined) {
    const subject = `address:${await hashAddress(env, email)}`;
    charges.push({ name: `${resource}-address`, subject, resource, limit: address });
  }
  return charges;
}

/** Undefined for a body that names none; what is wrong with it says the route's own validation. */
async function readEmail(c: Context<AppEnv>): Promise<string | undefined> {
  const body: unknown = await c.req.json().catch(() => undefined);
  const email: unknown = typeof body === "object" && body !== null
    ? Reflect.get(body, "email")
    : undefined;
  return typeof email === "string" && email.trim() !== "" ? email : undefined;
}

function tellLimits(c: Context, states: readonly LimitState[]): void {
  if (states.length === 0) return;
  for (const [name, value] of Object.entries(limitHeaders(states))) c.res.headers.set(name, value);
}
