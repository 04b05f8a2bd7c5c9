import { beforeEach, describe, expect, it } from "vitest";
import { createTokenCache, type TokenCache } from "../../../shared/auth/token-cache.ts";
import { createTokenVerifier } from "../../../shared/auth/verify-token.ts";
import { deploymentEnv, projectIssuer, verdictOf } from "./deployment.ts";
import { createForge, mint, newKey } from "./forge.ts";

// The real verifier behind a cache of ten, as a stranger meets it who sends whatever he likes.
const forge = createForge(projectIssuer, newKey(), "ec-1");
const verifier = createTokenVerifier(
  deploymentEnv({ SUPABASE_JWKS: JSON.stringify({ keys: [forge.publicKey] }) }),
);
/** More than share a verification. */
const flood = 2_000;
/** Those whose signatures are checked. */
const forgeries = 200;

let asked: string[];
let cache: TokenCache;
let known: string;

beforeEach(async () => {
  asked = [];
  const verify = (token: string) => {
    asked.push(token);
    return verifier.verify(token);
  };
  cache = createTokenCache({ verify }, { maxEntries: 10 });
  known = mint(forge);
  await cache.verify(known);
});

/** Brings these tokens all at once, and then the known one. */
async function bring(tokens: string[]): Promise<Set<string>> {
  const { entries, bytes } = cache;
  const verdicts = await Promise.all(tokens.map((token) => verdictOf(cache.verify(token))));
  expect({ entries: cache.entries, bytes: cache.bytes }).toEqual({ entries, bytes });
  asked = [];
  expect(await verdictOf(cache.verify(known))).toBe("accepted");
  expect(asked).toEqual([]);
  return new Set(verdicts);
}

describe("a flood of tokens that are refused", () => {
  it("of random text keeps nothing and pushes nobody out", async () => {
    const tokens = Array.from({ length: flood }, () => crypto.randomUUID());
    expect(await bring(tokens)).toEqual(new Set(["token_invalid"]));
  });

  it("of a megabyte each keeps nothing and pushes nobody out", async () => {
    const tokens = Array.from({ length: 50 }, (_, n) => `${known}${"A".repeat(1_000_000)}${n}`);
    expect(await bring(tokens)).toEqual(new Set(["token_invalid"]));
  });

  it("that begin like a known one keeps nothing, and none is taken for it", async () => {
    const begin = known.slice(0, -5);
    const tokens = Array.from(
      { length: forgeries },
      (_, n) => `${begin}${String(n).padStart(4, "0")}A`,
    );
    const cut = [begin, known.slice(0, -1), `${known}A`, `${known} `];
    expect(await bring([...tokens, ...cut])).toEqual(new Set(["token_invalid"]));
  });

  it("that end like a known one keeps nothing, and none is taken for it", async () => {
    const tokens = Array.from({ length: flood }, (_, n) => `e${n}.e${known.slice(100)}`);
    const cut = [known.slice(1), known.slice(-43), known.slice(-86), ` ${known}`];
    expect(await bring([...tokens, ...cut])).toEqual(new Set(["token_invalid"]));
  });
});

describe("tokens that are accepted", () => {
  it("and begin alike are answered each for itself", async () => {
    const [one = "", other = ""] = [1, 2].map((n) =>
      mint(forge, { claims: { user_metadata: { n } } })
    );
    expect(one.slice(0, 600)).toBe(other.slice(0, 600));
    for (const token of [one, other, one]) expect((await cache.verify(token)).token).toBe(token);
    expect(asked).toEqual([known, one, other]);
  });
});
