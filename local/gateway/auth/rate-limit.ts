import type { AuthContext } from "./context.ts";
import { AuthError } from "./errors.ts";
import { readAddress } from "./request-client.ts";
import type { AuthSettings } from "./settings.ts";

const WINDOW_MS = 5 * 60_000;
const MAX_ADDRESSES = 10_000;

export type LimitName = keyof AuthSettings["rateLimits"];

interface Bucket {
  tokens: number;
  updatedAt: number;
}

/** One token bucket for each limit and address, in memory. */
export class RateLimiter {
  #buckets = new Map<string, Bucket>();
  #limits: AuthSettings["rateLimits"];
  #now: () => number;

  constructor(limits: AuthSettings["rateLimits"], now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Takes one token; false when there is none. */
  take(name: LimitName, address: string): boolean {
    const limit = this.#limits[name];
    const key = `${name} ${address}`;
    const now = this.#now();
    const bucket = this.#buckets.get(key) ?? { tokens: limit, updatedAt: now };
    const refilled = bucket.tokens + (now - bucket.updatedAt) * limit / WINDOW_MS;
    const tokens = Math.min(limit, refilled);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, updatedAt: now });
    if (this.#buckets.size > MAX_ADDRESSES) this.#forgetOldest();
    return tokens >= 1;
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next();
    if (!oldest.done) this.#buckets.delete(oldest.value);
  }
}

/** 429 over_request_rate_limit when the address of this request has no token left. */
export function assertWithinLimit(c: AuthContext, name: LimitName): void {
  const address = readAddress(c);
  if (address === "" || c.var.services.limiter.take(name, address)) return;
  throw new AuthError(429, "over_request_rate_limit", "Request rate limit reached");
}
