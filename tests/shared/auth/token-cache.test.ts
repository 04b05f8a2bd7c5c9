import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuthUser, toAuthUser } from "../../../shared/auth/auth-user.ts";
import {
  createTokenCache,
  tokenCacheDefaults,
  type TokenCacheOptions,
} from "../../../shared/auth/token-cache.ts";
import { createTokenVerifier, type VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { testSize } from "../../support/size.ts";
import { deploymentEnv, projectIssuer } from "./deployment.ts";
import { createForge, mint, newKey } from "./forge.ts";

const claims = {
  sub: "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
  session_id: "6a0c6a53-0f0b-4d5f-9a7b-0c5bd7e0b9a1",
  email: "mina@example.test",
  user_metadata: { pref_theme: "dark" },
  app_metadata: { permissions: ["videos.write"], provider: { name: "email" } },
};
const user = toAuthUser(claims);

interface Times {
  /** Seconds since 1970. */
  exp: number;
  nbf?: number;
}

/** A verifier without cryptography, whose clock and key a test turns. */
function createStub(times: (token: string) => Times = () => ({ exp: 10_000 })) {
  const stub = {
    now: 0,
    keyIsThere: true,
    calls: [] as string[],
    async verify(token: string): Promise<VerifiedToken> {
      stub.calls.push(token);
      await Promise.resolve();
      const { exp, nbf } = times(token);
      const time = stub.now / 1000;
      if (!stub.keyIsThere) throw new AppError("token_invalid");
      if (exp + 5 <= time || (nbf ?? 0) - 5 > time) throw new AppError("token_expired");
      return { user, claims: { ...structuredClone(claims), exp, ...(nbf ? { nbf } : {}) }, token };
    },
  };
  return stub;
}

function isFrozenThroughout(value: unknown): boolean {
  return typeof value !== "object" || value === null ||
    Object.isFrozen(value) && Object.values(value).every(isFrozenThroughout);
}

function cacheOf(stub: ReturnType<typeof createStub>, options: TokenCacheOptions = {}) {
  return createTokenCache(stub, { now: () => stub.now, ...options });
}

describe("createTokenCache()", () => {
  it("verifies a token once and answers the same object again", async () => {
    const stub = createStub();
    const cache = cacheOf(stub);
    const first = await cache.verify("a");
    expect(await cache.verify("a")).toBe(first);
    expect(stub.calls).toEqual(["a"]);
  });

  it("freezes what requests share to the last object", async () => {
    const { user, claims } = await cacheOf(createStub()).verify("a");
    expect(user).toBeInstanceOf(AuthUser);
    for (const shared of [user, claims]) expect(isFrozenThroughout(shared)).toBe(true);
    const add = () => Reflect.apply(Array.prototype.push, user.permissions, ["admin"]);
    expect(add).toThrow(TypeError);
  });

  it("lets requests with the same new token share one verification", async () => {
    const stub = createStub();
    const cache = cacheOf(stub);
    const answers = await Promise.all(Array.from({ length: 50 }, () => cache.verify("a")));
    expect(new Set(answers).size).toBe(1);
    expect(stub.calls).toEqual(["a"]);
  });

  it("lets nobody wait for the keys of another token", async () => {
    const stub = createStub();
    const keys = Promise.withResolvers<void>();
    const cache = createTokenCache({
      verify: async (token) => {
        if (token === "unknown key") await keys.promise;
        return await stub.verify(token);
      },
    }, { now: () => 0 });
    await cache.verify("warm");
    const waiting = cache.verify("unknown key");
    expect((await cache.verify("warm")).token).toBe("warm");
    expect((await cache.verify("cold")).token).toBe("cold");
    keys.resolve();
    expect((await waiting).token).toBe("unknown key");
  });

  it("keeps no refusal: the same token is asked about again", async () => {
    const stub = createStub();
    const cache = cacheOf(stub);
    stub.keyIsThere = false;
    const refused = await Promise.allSettled([cache.verify("a"), cache.verify("a")]);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(stub.calls).toEqual(["a"]);
    stub.keyIsThere = true;
    expect((await cache.verify("a")).token).toBe("a");
    expect(cache.entries).toBe(1);
  });

  it("asks again before nbf, from exp on, after the longest age and when the clock is set back", async () => {
    const stub = createStub(() => ({ exp: 1_000, nbf: 3 }));
    const cache = cacheOf(stub, { maxAge: 300_000 });
    const ask = async (now: number) => {
      stub.now = now;
      const before = stub.calls.length;
      await cache.verify("a").catch(() => {});
      return stub.calls.length > before ? "asked" : "kept";
    };
    expect(await ask(0)).toBe("asked");
    expect(await ask(2_999)).toBe("asked");
    expect(await ask(3_000)).toBe("kept");
    expect(await ask(302_998)).toBe("kept");
    expect(await ask(302_999)).toBe("asked");
    expect(await ask(302_000)).toBe("asked");
    expect(await ask(999_000)).toBe("asked");
    expect(await ask(999_999)).toBe("kept");
    expect(await ask(1_000_000)).toBe("asked");
  });

  it("keeps within its number, so that random tokens find an end", async () => {
    const stub = createStub();
    const cache = cacheOf(stub, { maxEntries: 100 });
    for (let index = 0; index < 5_000; index++) await cache.verify(`token ${index}`);
    expect(cache.entries).toBe(100);
    await cache.verify("token 4900");
    expect(stub.calls).toHaveLength(5_000);
  });

  it("holds a flood of unknown tokens in flight without keeping them", async () => {
    const gate = Promise.withResolvers<never>();
    const cache = createTokenCache({ verify: () => gate.promise });
    const flood = Array.from({ length: 5_000 }, (_, index) => cache.verify(`token ${index}`));
    gate.reject(new AppError("keys_unavailable"));
    const outcomes = await Promise.allSettled(flood);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect([cache.entries, cache.bytes]).toEqual([0, 0]);
  });

  it("stops real tokens within its longest age after their key is gone, the clock aside", async () => {
    const forge = createForge(projectIssuer, newKey(), "ec-1");
    const environment = { SUPABASE_JWKS: JSON.stringify({ keys: [forge.publicKey] }) };
    const trusting = createTokenVerifier(deploymentEnv(environment));
    const other = createForge(projectIssuer, newKey(), "ec-1");
    const rotated = createTokenVerifier(
      deploymentEnv({ SUPABASE_JWKS: JSON.stringify({ keys: [other.publicKey] }) }),
    );
    let verifier = trusting;
    let now = Date.now();
    const cache = createTokenCache({ verify: (token) => verifier.verify(token) }, {
      now: () => now,
    });
    const token = mint(forge);
    await cache.verify(token);
    verifier = rotated;
    now += tokenCacheDefaults.maxAge - 1;
    expect((await cache.verify(token)).token).toBe(token);
    now += 1;
    await expect(cache.verify(token)).rejects.toMatchObject({ code: "token_invalid" });
  });
});

/** What a cache of this size has to do, written for clarity: the least recently used stand first. */
class Model {
  #kept: { token: string; from: number; until: number }[] = [];
  constructor(private readonly maxEntries: number, private readonly maxAge: number) {}

  get size(): number {
    return this.#kept.length;
  }

  /** Whether a token that is brought now has to be verified. */
  isAsked(token: string, now: number): boolean {
    const entry = this.#kept.find((one) => one.token === token);
    this.#kept = this.#kept.filter((one) => one !== entry);
    if (!entry || now < entry.from || now >= entry.until) return true;
    this.#kept.push(entry);
    return false;
  }

  accept(token: string, now: number, { exp, nbf = 0 }: Times): void {
    const until = Math.min(now + this.maxAge, exp * 1000);
    if (until > now) this.#kept.push({ token, from: Math.max(now, nbf * 1000), until });
    this.#kept = this.#kept.slice(-this.maxEntries);
  }
}

describe("createTokenCache(), for any use", () => {
  const tokens = ["a", "b", "c", "d", "e", "f"];
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ bring: fc.constantFrom(...tokens) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 0, max: 90_000 }) }) },
    { weight: 1, arbitrary: fc.record({ wait: fc.integer({ min: -5_000, max: -1 }) }) },
    { weight: 1, arbitrary: fc.constant({ turnKey: true }) },
  );

  it("does what the model does, and accepts nothing after its exp or long after its key", async () => {
    const run = fc.asyncProperty(
      fc.record({
        maxEntries: fc.integer({ min: 1, max: 4 }),
        maxAge: fc.integer({ min: 1_000, max: 120_000 }),
        exps: fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 6, maxLength: 6 }),
        nbfs: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 6, maxLength: 6 }),
        steps: fc.array(step, { maxLength: 60 }),
      }),
      async ({ maxEntries, maxAge, exps, nbfs, steps }) => {
        const timesOf = (token: string) => {
          const index = tokens.indexOf(token);
          return { exp: exps[index] ?? 0, nbf: nbfs[index] ?? 0 };
        };
        const stub = createStub(timesOf);
        const cache = cacheOf(stub, { maxEntries, maxAge });
        const model = new Model(maxEntries, maxAge);
        let keyGoneAt = Infinity;
        for (const one of steps) {
          if ("wait" in one) stub.now = Math.max(0, stub.now + one.wait);
          if ("turnKey" in one) {
            stub.keyIsThere = !stub.keyIsThere;
            keyGoneAt = stub.keyIsThere ? Infinity : stub.now;
          }
          if (!("bring" in one)) continue;
          const token = one.bring;
          const { exp, nbf } = timesOf(token);
          const before = stub.calls.length;
          const isAccepted = await cache.verify(token).then(() => true, () => false);
          const isAsked = stub.calls.length > before;
          expect(isAsked).toBe(model.isAsked(token, stub.now));
          if (isAsked && isAccepted) model.accept(token, stub.now, { exp, nbf });
          if (isAccepted && !isAsked) {
            expect(stub.now).toBeGreaterThanOrEqual(nbf * 1000);
            expect(stub.now).toBeLessThan(exp * 1000);
            expect(stub.now - keyGoneAt).toBeLessThan(maxAge);
          }
          if (isAccepted) expect(stub.now).toBeLessThan((exp + 5) * 1000);
          expect(cache.entries).toBe(model.size);
        }
      },
    );
    await fc.assert(run, { numRuns: testSize({ sampled: 300, long: 20_000 }) });
  });

  it("keeps within its octets, whatever the length of tokens", async () => {
    const run = fc.asyncProperty(
      fc.array(fc.string({ maxLength: 4_000 }), { maxLength: 60 }),
      fc.integer({ min: 0, max: 60_000 }),
      async (brought, maxBytes) => {
        const cache = cacheOf(createStub(), { maxBytes });
        for (const token of brought) {
          await cache.verify(token);
          expect(cache.bytes).toBeLessThanOrEqual(maxBytes);
        }
        expect(cache.bytes === 0).toBe(cache.entries === 0);
      },
    );
    await fc.assert(run, { numRuns: testSize({ sampled: 100, long: 5_000 }) });
  });
});
