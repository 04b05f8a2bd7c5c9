import type { TokenVerifier, VerifiedToken } from "./verify-token.ts";

/** Bounds of a token cache. */
export interface TokenCacheOptions {
  /** Tokens kept at most. */
  maxEntries?: number;
  /** Estimated octets of what is kept, at most. */
  maxBytes?: number;
  /**
   * Milliseconds for which a token is not checked again. A kept token does not look at the keys: once
   * its key has left the key set it works for this long at most, after the verifier itself has
   * noticed.
   */
  maxAge?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** What a cache keeps without being told otherwise. */
export const tokenCacheDefaults = Object.freeze({
  maxEntries: 10_000,
  maxBytes: 32 * 1024 * 1024,
  maxAge: 300_000,
});

/** A verifier that remembers, and says how much. */
export interface TokenCache extends TokenVerifier {
  recall(token: string): VerifiedToken | undefined;
  readonly entries: number;
  /** Estimated octets of what is kept. */
  readonly bytes: number;
}

interface Entry {
  verified: VerifiedToken;
  bytes: number;
  /** Milliseconds since 1970 from which on and before which it counts. */
  from: number;
  until: number;
}

/** Verifications that others may join; whoever comes later verifies on their own. */
const maxFlights = 1_000;

/**
 * Keeps verified tokens in front of a verifier, which costs a fraction of a millisecond of processor
 * time: the least recently used go first, by number and by size.
 *
 * A hit counts from the token's `nbf` to its `exp`, without any tolerance; outside of it the verifier
 * decides as if nothing were kept. It also stops after `maxAge`, and when the clock was set back.
 * Requests that bring the same new token share one verification; no request waits for that of
 * another token. Refusals and failures are not kept. What is kept is shared by requests, so it is
 * frozen to the last object.
 *
 * The order of use is that of a Map. A library (lru-cache) would add 19 kB and an import of
 * `node:diagnostics_channel` to the start of every function.
 */
export function createTokenCache(
  verifier: TokenVerifier,
  options: TokenCacheOptions = {},
): TokenCache {
  const { maxEntries, maxBytes, maxAge } = { ...tokenCacheDefaults, ...options };
  const now = options.now ?? Date.now;
  const kept = new Map<string, Entry>();
  const flights = new Map<string, Promise<VerifiedToken>>();
  let bytes = 0;

  function drop(key: string, entry: Entry): void {
    kept.delete(key);
    bytes -= entry.bytes;
  }

  function keep(token: string, verified: VerifiedToken, startedAt: number): void {
    const entry = createEntry(verified, startedAt, maxAge);
    const key = keyOf(token);
    const present = kept.get(key);
    if (present) drop(key, present);
    if (entry.until <= now() || entry.bytes > maxBytes || maxEntries < 1) return;
    kept.set(key, entry);
    bytes += entry.bytes;
    for (const [oldest, first] of kept) {
      if (kept.size <= maxEntries && bytes <= maxBytes) break;
      drop(oldest, first);
    }
  }

  async function load(token: string): Promise<VerifiedToken> {
    const startedAt = now();
    try {
      const verified = freezeDeep(await verifier.verify(token));
      keep(token, verified, startedAt);
      return verified;
    } finally {
      flights.delete(token);
    }
  }

  function recall(token: string): VerifiedToken | undefined {
    const key = keyOf(token);
    const entry = kept.get(key);
    if (entry === undefined || entry.verified.token !== token) return undefined;
    const time = now();
    drop(key, entry);
    if (time < entry.from || time >= entry.until) return undefined;
    kept.set(key, entry);
    bytes += entry.bytes;
    return entry.verified;
  }

  return {
    recall,
    verify(token) {
      const known = recall(token);
      if (known !== undefined) return Promise.resolve(known);
      const flight = flights.get(token);
      if (flight !== undefined) return flight;
      const work = load(token);
      if (flights.size < maxFlights) flights.set(token, work);
      return work;
    },
    get entries() {
      return kept.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

function createEntry(verified: VerifiedToken, startedAt: number, maxAge: number): Entry {
  const { exp = 0, nbf = 0 } = verified.claims;
  return {
    verified,
    bytes: estimateBytes(verified.token),
    from: Math.max(startedAt, nbf * 1000),
    until: Math.min(startedAt + maxAge, exp * 1000),
  };
}

/**
 * Octets that a kept token takes: itself, and as much again twice in what was read out of it, beside
 * objects of which most have always the same size. Measured with tokens of 700 to 8,000 characters;
 * the text of GET /me that goes with a token is among what is read out of it.
 */
function estimateBytes(token: string): number {
  return 2_000 + 3 * token.length;
}

/** Freezes an object and all that it holds. */
function freezeDeep<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) freezeDeep(member);
  return Object.freeze(value);
}

/**
 * The end of the signature: a whole token takes long to hash. Whoever looks up has to compare the
 * token, for anybody can put a signature that is known behind other claims.
 */
function keyOf(token: string): string {
  return token.slice(-43);
}
