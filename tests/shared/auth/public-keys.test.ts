import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keyTimes } from "../../../shared/auth/public-keys.ts";
import { createTokenVerifier, type TokenVerifier } from "../../../shared/auth/verify-token.ts";
import { deadPort } from "../../support/app.ts";
import { deploymentEnv, projectIssuer, serveKeys, verdictOf } from "./deployment.ts";
import { createForge, type Forge, mint, newKey, newRsaKey, publicJwk, signWith } from "./forge.ts";

const first = createForge(projectIssuer, newKey(), "first");
const second = createForge(projectIssuer, newKey(), "second");
const endpoint = serveKeys({ keys: [] });
const publish = (...forges: Forge[]) => {
  endpoint.keys = { keys: forges.map((forge) => forge.publicKey) };
  endpoint.answer = () => Response.json(endpoint.keys);
};

// Only the clock is ours: timers, sockets and cryptography go on as they are.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  publish(first);
  endpoint.requests = 0;
});
afterEach(() => vi.useRealTimers());
afterAll(() => endpoint.stop());

function passTime(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds);
}

function startVerifier(seed: Forge[] = [], url = endpoint.url): TokenVerifier {
  const keys = seed.map((forge) => forge.publicKey);
  return createTokenVerifier(deploymentEnv({
    SUPABASE_URL: url,
    HEIMDEX_JWT_ISSUER: projectIssuer,
    ...(seed.length > 0 ? { SUPABASE_JWKS: JSON.stringify({ keys }) } : {}),
  }));
}

const verdict = (verifier: TokenVerifier, forge: Forge) => verdictOf(verifier.verify(mint(forge)));
/** A token under a key id that nobody has published. */
const withKid = (kid: string) => mint(first, { header: { kid } });

/** Lets a fetch that nobody waits for come to its end. */
async function settle(expectedRequests: number): Promise<void> {
  await vi.waitFor(() => expect(endpoint.requests).toBe(expectedRequests), 10_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("keys of the endpoint", () => {
  it("are fetched once for all who wait, and kept", async () => {
    const verifier = startVerifier();
    const verdicts = await Promise.all([1, 2, 3].map(() => verdict(verifier, first)));
    expect([...verdicts, await verdict(verifier, first)]).toEqual(Array(4).fill("accepted"));
    expect(endpoint.requests).toBe(1);
  });
});

describe.each([["from the endpoint", []], ["from SUPABASE_JWKS", [first]]])(
  "rotation without a restart, keys %s",
  (_source, seed) => {
    it("takes a new key as soon as a token names it", async () => {
      const verifier = startVerifier(seed);
      expect(await verdict(verifier, first)).toBe("accepted");
      publish(first, second);
      passTime(keyTimes.cooldown);
      expect(await verdict(verifier, second)).toBe("accepted");
      expect(await verdict(verifier, first)).toBe("accepted");
    });

    it("refuses a removed key after five minutes", async () => {
      const verifier = startVerifier(seed);
      expect(await verdict(verifier, first)).toBe("accepted");
      publish(second);
      passTime(keyTimes.maxAge);
      expect(await verdict(verifier, first)).toBe("token_invalid");
      expect(await verdict(verifier, second)).toBe("accepted");
    });

    it("refuses it earlier where requests go on, since they renew the keys meanwhile", async () => {
      const verifier = startVerifier(seed);
      await verdict(verifier, first);
      publish(second);
      passTime(keyTimes.refreshAfter);
      const before = endpoint.requests;
      expect(await verdict(verifier, first)).toBe("accepted");
      await settle(before + 1);
      expect(await verdict(verifier, first)).toBe("token_invalid");
    });

    it("refuses every key once the endpoint publishes none", async () => {
      const verifier = startVerifier(seed);
      await verdict(verifier, first);
      publish();
      passTime(keyTimes.maxAge);
      expect(await verdict(verifier, first)).toBe("token_invalid");
    });
  },
);

describe("SUPABASE_JWKS", () => {
  it("lets a new process begin without a fetch", async () => {
    expect(await verdict(startVerifier([first]), first)).toBe("accepted");
    expect(endpoint.requests).toBe(0);
  });

  it("is asked beyond at once when a token names another key", async () => {
    publish(first, second);
    expect(await verdict(startVerifier([first]), second)).toBe("accepted");
  });

  it("is as good as none when it lists HMAC secrets only", async () => {
    const verifier = createTokenVerifier(deploymentEnv({
      SUPABASE_URL: endpoint.url,
      HEIMDEX_JWT_ISSUER: projectIssuer,
      SUPABASE_JWKS: JSON.stringify({ keys: [{ kty: "oct", k: "AAAA" }] }),
    }));
    expect(await verdict(verifier, first)).toBe("accepted");
    expect(endpoint.requests).toBe(1);
  });
});

describe("a flood of unknown key ids", () => {
  it("makes one fetch in a cooldown, and 401 of each", async () => {
    const verifier = startVerifier([first]);
    for (let minute = 0; minute < 3; minute++) {
      const flood = Array.from({ length: 60 }, (_, n) => verifier.verify(withKid(`k-${n}`)));
      const verdicts = await Promise.all(flood.map(verdictOf));
      expect(new Set(verdicts)).toEqual(new Set(["token_invalid"]));
      expect(endpoint.requests).toBe(minute + 1);
      passTime(keyTimes.cooldown);
    }
  });

  it("makes one fetch in the pause after a failure, and 503 of each", async () => {
    const verifier = startVerifier([first]);
    endpoint.answer = () => new Response(null, { status: 500 });
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 20; n++) {
        expect(await verdictOf(verifier.verify(withKid(`k-${n}`)))).toBe("keys_unavailable");
      }
      expect(endpoint.requests).toBe(round + 1);
      passTime(keyTimes.failureCooldown);
    }
    expect(await verdict(verifier, first)).toBe("accepted");
  });

  it("never makes a user with a known key wait", async () => {
    const verifier = startVerifier([first]);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    endpoint.answer = () => held.then(() => Response.json(endpoint.keys));
    const unknown = verdictOf(verifier.verify(withKid("unknown")));
    await settle(1);
    for (let n = 0; n < 20; n++) expect(await verdict(verifier, first)).toBe("accepted");
    passTime(keyTimes.refreshAfter);
    expect(await verdict(verifier, first)).toBe("accepted");
    release();
    expect(await unknown).toBe("token_invalid");
    expect(endpoint.requests).toBe(1);
  });
});

const outages: [what: string, answer: () => Response][] = [
  ["status 500, with keys", () => Response.json(endpoint.keys, { status: 500 })],
  ["status 404", () => new Response(null, { status: 404 })],
  ["status 204", () => new Response(null, { status: 204 })],
  ["a redirect to keys", () => Response.redirect(`${endpoint.url}/elsewhere`, 302)],
  ["HTML", () => new Response("<html></html>", { headers: { "content-type": "text/html" } })],
  ["nothing", () => new Response("")],
  ["JSON that ends early", () => new Response('{"keys":[')],
  ["null", () => Response.json(null)],
  ["a list", () => Response.json([first.publicKey])],
  ["keys that are no list", () => Response.json({ keys: { first: first.publicKey } })],
  ["101 keys", () => Response.json({ keys: Array(101).fill(first.publicKey) })],
  ["more than 64 KB", () => Response.json({ ...endpoint.keys, more: "x".repeat(65_536) })],
  ["an endless answer", () => new Response(endless())],
];

/** Goes on until nobody reads any more. */
function endless(): ReadableStream<Uint8Array> {
  const chunk = new TextEncoder().encode('{"keys":['.padEnd(16_384));
  return new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
}

describe("while the endpoint answers", () => {
  it.each(outages)("%s: 503 for keys nobody knows, known ones go on", async (_what, answer) => {
    endpoint.answer = answer;
    const cold = startVerifier();
    const warm = startVerifier([first]);
    expect(await verdict(cold, first)).toBe("keys_unavailable");
    expect(await verdictOf(warm.verify(withKid("unknown")))).toBe("keys_unavailable");
    passTime(keyTimes.maxAge);
    expect(await verdict(warm, first)).toBe("accepted");
    publish(first);
    passTime(keyTimes.failureCooldown);
    expect(await verdict(cold, first)).toBe("accepted");
  });

  it("not at all, known keys are used for an hour and no longer", async () => {
    const verifier = startVerifier([first], `http://127.0.0.1:${deadPort}`);
    for (let minutes = 0; minutes < 60; minutes += 4) {
      expect(await verdict(verifier, first), `after ${minutes} minutes`).toBe("accepted");
      passTime(4 * 60_000);
    }
    expect(await verdict(verifier, first)).toBe("keys_unavailable");
  });

  it("no more, known keys do not wait for each try to reach it", async () => {
    const verifier = startVerifier([first]);
    endpoint.answer = () => new Response(null, { status: 500 });
    passTime(keyTimes.maxAge);
    expect(await verdict(verifier, first)).toBe("accepted");
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    endpoint.answer = () => held.then(() => Response.json(endpoint.keys));
    passTime(keyTimes.failureCooldown);
    const started = performance.now();
    expect(await verdict(verifier, first)).toBe("accepted");
    expect(performance.now() - started).toBeLessThan(keyTimes.timeout / 2);
    await settle(2);
    release();
  });

  it("too slowly, head or body: 503 after three seconds, and at once for who comes next", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const answers = [
      () => held.then(() => Response.json(endpoint.keys)),
      () => new Response(new ReadableStream({ pull: () => held })),
    ];
    await Promise.all(answers.map(async (answer) => {
      const slow = Object.assign(serveKeys({ keys: [] }), { answer });
      const verifier = startVerifier([], slow.url);
      const started = performance.now();
      expect(await verdict(verifier, first)).toBe("keys_unavailable");
      expect(performance.now() - started).toBeGreaterThan(keyTimes.timeout - 100);
      const again = performance.now();
      expect(await verdict(verifier, first)).toBe("keys_unavailable");
      expect(performance.now() - again).toBeLessThan(1000);
      await slow.stop();
    }));
    release();
  });
});

describe("keys that cannot be used", () => {
  const rsa = newRsaKey(1024);
  const signWeakly = () =>
    mint(first, { header: { alg: "RS256", kid: "weak" }, signature: signWith(rsa) });

  it.each([
    ["an RSA key of 1,024 bits", { ...publicJwk(rsa), kid: "weak", alg: "RS256" }],
    ["an RSA key without a modulus", { kty: "RSA", e: "AQAB", kid: "weak", alg: "RS256" }],
  ])("%s is 503 for its tokens and no harm to others", async (_what, weak) => {
    endpoint.answer = () => Response.json({ keys: [weak, first.publicKey] });
    const verifier = startVerifier();
    expect(await verdictOf(verifier.verify(signWeakly()))).toBe("keys_unavailable");
    expect(await verdict(verifier, first)).toBe("accepted");
  });

  it.each([
    ["no object", "key"],
    ["null", null],
    ["without a kind", { kid: "second" }],
    ["an HMAC secret", { kty: "oct", k: "AAAA", kid: "second", alg: "ES256" }],
    ["a key for encryption", { ...second.publicKey, use: "enc" }],
    ["a key for signing alone", { ...second.publicKey, key_ops: ["sign"] }],
    ["a key with a kid that is a list", { ...second.publicKey, kid: ["second"] }],
    ["a key of another algorithm", { ...second.publicKey, alg: "ES384" }],
  ])("%s is left out of the set", async (_what, odd) => {
    endpoint.answer = () => Response.json({ keys: [odd, first.publicKey] });
    const verifier = startVerifier();
    expect(await verdict(verifier, second)).toBe("token_invalid");
    expect(await verdict(verifier, first)).toBe("accepted");
  });

  it("two keys under one id are none: which of them signed cannot be told", async () => {
    endpoint.answer = () =>
      Response.json({ keys: [first.publicKey, { ...second.publicKey, kid: "first" }] });
    expect(await verdict(startVerifier(), first)).toBe("token_invalid");
  });

  it("a private key in a set serves as its public part", async () => {
    const { d } = second.key.export({ format: "jwk" });
    endpoint.answer = () => Response.json({ keys: [{ ...second.publicKey, d }] });
    expect(await verdict(startVerifier(), second)).toBe("accepted");
  });
});
