import { AppError } from "../errors/app-error.ts";
import { parseJson } from "../json.ts";
import { type LimitState, userLimits, type UserResource } from "./limits.ts";

/**
 * Headers that tell a client where it stands, for accepted and refused requests: `RateLimit-Policy`
 * and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10 (q: requests in a window of w seconds;
 * r: requests left, t: seconds until the window ends).
 */
export function limitHeaders(states: readonly LimitState[]): Record<string, string> {
  return {
    "ratelimit-policy": states.map((state) =>
      `"${state.name}";q=${state.max};w=${state.windowSeconds}`
    ).join(", "),
    "ratelimit": states.map((state) =>
      `"${state.name}";r=${state.remaining};t=${state.resetSeconds}`
    ).join(", "),
  };
}

/** The refusal of a request; the last state is the one that is used up. */
export function rateLimited(states: readonly LimitState[], cause?: unknown): AppError {
  const seconds = states.at(-1)?.resetSeconds ?? 60;
  return new AppError("rate_limited", `Too many requests, try again in ${seconds} s`, {
    headers: { "retry-after": String(seconds), ...limitHeaders(states) },
    cause,
  });
}

/** Reads what private.open_request says of a user's limit. */
export function readLimitState(resource: UserResource, state: unknown): LimitState {
  const read = (name: string): number => {
    const value: unknown = typeof state === "object" && state !== null
      ? Reflect.get(state, name)
      : undefined;
    if (typeof value !== "number") throw new Error("The database did not tell the rate limit");
    return value;
  };
  return {
    name: resource,
    max: read("limit"),
    windowSeconds: userLimits[resource].windowSeconds,
    remaining: read("remaining"),
    resetSeconds: read("reset_seconds"),
  };
}

/** Gives a refusal by private.open_request its headers; other errors pass unchanged. */
export function limitRefused(resource: UserResource, error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== "rate_limited") return error;
  const hint: unknown = error.cause instanceof Error ? Reflect.get(error.cause, "hint") : undefined;
  if (typeof hint !== "string") return error;
  return rateLimited([readLimitState(resource, parseJson(hint))], error.cause);
}
