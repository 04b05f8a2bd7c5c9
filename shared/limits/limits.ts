import { type Tier, tierLimits } from "../auth/tiers.ts";

/** A fixed window that begins with its first request: at most `max` requests in it. */
export interface Limit {
  windowSeconds: number;
  max: number;
}

/** A limit of signed-in users; which maximum holds says the tier in `auth.users`. */
export interface UserLimit {
  windowSeconds: number;
  max: Record<Tier, number>;
  /** Whether the work it guards changes nothing: then its counter does not wait for the disk. */
  reads: boolean;
  /** Whether each session has a count of its own; otherwise all of a user share one. */
  bySession: boolean;
}

function maxByTier(name: "searchesPerMinute" | "writesPerMinute"): Record<Tier, number> {
  const { free, pro, enterprise } = tierLimits;
  return { free: free[name], pro: pro[name], enterprise: enterprise[name] };
}

/**
 * Limits of signed-in users. `write` is every route that changes something, all together, but those
 * of `session`: they end sessions and set the password, so that whoever holds a stolen session must
 * not be able to use them up for the user; and they take secrets that could be guessed. `count` is
 * every answer that counts all the user has, which is as much work as a search.
 */
export const userLimits = {
  search: {
    windowSeconds: 60,
    max: maxByTier("searchesPerMinute"),
    reads: true,
    bySession: false,
  },
  count: { windowSeconds: 60, max: maxByTier("searchesPerMinute"), reads: true, bySession: false },
  write: { windowSeconds: 60, max: maxByTier("writesPerMinute"), reads: false, bySession: false },
  session: {
    windowSeconds: 300,
    max: { free: 10, pro: 10, enterprise: 10 },
    reads: false,
    bySession: true,
  },
} as const satisfies Record<string, UserLimit>;

/** A limit of signed-in users, by name. */
export type UserResource = keyof typeof userLimits;

/** Limits of callers who are not signed in: by client address, and by the e-mail address named. */
export interface CallLimits {
  ip: Limit;
  /** Absent where a request names no e-mail address. */
  address?: Limit;
}

const fiveMinutes = 300;
const hour = 3600;

/**
 * Limits of the routes that anybody may call. Those by client address leave room for an office
 * behind one address; those by e-mail address make guessing a password or a code of six digits
 * hopeless and keep a mailbox from being flooded.
 */
export const callLimits = {
  login: {
    ip: { windowSeconds: fiveMinutes, max: 100 },
    address: { windowSeconds: fiveMinutes, max: 10 },
  },
  register: {
    ip: { windowSeconds: hour, max: 50 },
    address: { windowSeconds: hour, max: 5 },
  },
  password_reset: {
    ip: { windowSeconds: hour, max: 50 },
    address: { windowSeconds: hour, max: 5 },
  },
  magic_link: {
    ip: { windowSeconds: hour, max: 50 },
    address: { windowSeconds: hour, max: 5 },
  },
  verify: {
    ip: { windowSeconds: fiveMinutes, max: 50 },
    address: { windowSeconds: fiveMinutes, max: 10 },
  },
  refresh: { ip: { windowSeconds: fiveMinutes, max: 300 } },
} as const satisfies Record<string, CallLimits>;

/** A limit of calls that anybody may make, by name. */
export type CallResource = keyof typeof callLimits;

/** What one request of a user takes from a limit, as `Database.asUser` charges it. */
export interface LimitCharge {
  resource: UserResource;
}

/** Where a limit stands after a request. `name` is the policy's name in the answer's headers. */
export interface LimitState {
  name: string;
  max: number;
  windowSeconds: number;
  /** Requests left in the window. */
  remaining: number;
  /** Seconds until the window ends. */
  resetSeconds: number;
}
