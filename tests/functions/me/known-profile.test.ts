import { describe, expect, it, test } from "vitest";
import { createTokenCache } from "../../../shared/auth/token-cache.ts";
import { createTokenVerifier } from "../../../shared/auth/verify-token.ts";
import { createDeps, type Deps } from "../../../shared/http/deps.ts";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { deploymentEnv, projectIssuer } from "../../shared/auth/deployment.ts";
import { claimsOf, createForge, mint, newKey, now, publicJwk } from "../../shared/auth/forge.ts";

const forge = createForge(projectIssuer, newKey(), "key-1");
const origin = "https://app.test";
const keys = { keys: [{ ...publicJwk(forge.key), kid: forge.kid, alg: "ES256", use: "sig" }] };
const env = deploymentEnv({
  SUPABASE_JWKS: JSON.stringify(keys),
  HEIMDEX_ALLOWED_ORIGINS: origin,
  HEIMDEX_CLIENT_IP_HEADER: "x-real-ip",
});
const deps = createDeps(env);
const token = mint(forge, { claims: claimsOf(forge, { email: "mina@example.test" }) });
const bearer = { authorization: `Bearer ${token}` };

type Ask = (path: string, init?: RequestInit) => Promise<Record<string, unknown>>;

/** An app, and what it answers and logs without what differs each time. */
function createAsk(verifier: Deps["verifier"]): Ask {
  const lines: Record<string, unknown>[] = [];
  const log = (line: Record<string, unknown>) => void lines.push(line);
  const app = createApp({ ...deps, verifier, log });
  return async (path, init = {}) => {
    const response = await app.request(path, init);
    const { "server-timing": timing = "", ...headers } = Object.fromEntries(response.headers);
    const [{ time: _time, ms: _ms, ...line } = {}, ...more] = lines.splice(0);
    expect(more).toEqual([]);
    const timed = [...timing.matchAll(/(\w+);dur=[\d.]+/g)].map(([, name]) => name);
    return { status: response.status, headers, timed, line, body: await response.text() };
  };
}

/** A verifier that remembers nothing, so that the route answers. */
const forgetful = createTokenVerifier(env);
const id = { "x-request-id": "same-in-both" };
const [head, , signature] = token.split(".");
const [, otherPayload] = mint(forge, {
  claims: claimsOf(forge, { email: "victim@example.test" }),
}).split(".");

const requests: [string, string, RequestInit][] = [
  ["a browser", "/functions/v1/me", { headers: { ...bearer, ...id, origin } }],
  ["another origin", "/me", { headers: { ...bearer, ...id, origin: "https://evil.test" } }],
  ["no browser", "/me", { headers: { ...bearer, ...id } }],
  ["a slash at the end", "/functions/v1/me/", { headers: { ...bearer, ...id } }],
  ["no function name", "/", { headers: { ...bearer, ...id } }],
  ["a scheme in small letters", "/me", { headers: { ...id, authorization: `bearer ${token}` } }],
  ["HEAD", "/me", { method: "HEAD", headers: { ...bearer, ...id } }],
  ["an empty query", "/me?", { headers: { ...bearer, ...id } }],
  ["a wrong query", "/me?fresh=maybe", { headers: { ...bearer, ...id } }],
  ["another path that ends so", "/other/functions/v1/me", { headers: { ...bearer, ...id } }],
  ["another method", "/me", { method: "PUT", headers: { ...bearer, ...id } }],
  ["a token and more", "/me", { headers: { ...id, authorization: `Bearer ${token} x` } }],
  ["a longer token", "/me", { headers: { ...id, authorization: `Bearer ${token}A` } }],
  ["no token", "/me", { headers: id }],
  ["other claims before the same signature", "/me", {
    headers: { ...id, authorization: `Bearer ${head}.${otherPayload}.${signature}` },
  }],
  ["something before the token", "/me", {
    headers: { ...id, authorization: `Bearer ${head}.${token}` },
  }],
];

describe("a user whose token is known", () => {
  // Twice: the second time something is kept of the first.
  const asks = { known: createAsk(deps.verifier), route: createAsk(forgetful) };
  it.each([...requests, ...requests])(
    "is answered as the route answers: %s",
    async (_, path, init) => {
      await deps.verifier.verify(token);
      expect(await asks.known(path, init)).toEqual(await asks.route(path, init));
    },
  );

  it("gets an answer of its own each time, under a new request id", async () => {
    await deps.verifier.verify(token);
    const app = createApp({ ...deps, log: () => {} });
    const answers = [1, 2, 3].map(() => app.request("/me", { headers: bearer }));
    const responses = await Promise.all(answers);
    const bodies = await Promise.all(responses.map((response) => response.json()));
    expect(new Set(bodies.map(({ email }) => email))).toEqual(new Set(["mina@example.test"]));
    expect(new Set(responses.map(({ headers }) => headers.get("x-request-id"))).size).toBe(3);
  });

  it("is answered without waiting, which the route cannot", async () => {
    await deps.verifier.verify(token);
    const request = () => new Request("http://x/me", { headers: bearer });
    expect(createApp({ ...deps, log: () => {} }).fetch(request())).toBeInstanceOf(Response);
    const route = createApp({ ...deps, verifier: forgetful, log: () => {} }).fetch(request());
    expect(route).toBeInstanceOf(Promise);
    await route;
  });

  it("is let in no longer than the token lasts", async () => {
    let time = Date.now();
    const verified: string[] = [];
    const verify = (some: string) => {
      verified.push(some);
      return verifier.verify(some);
    };
    const verifier = createTokenVerifier(env);
    const ask = createAsk(createTokenCache({ verify }, { now: () => time }));
    const short = mint(forge, { claims: claimsOf(forge, { exp: now() + 60 }) });
    const init = { headers: { authorization: `Bearer ${short}` } };
    for (const _ of [1, 2, 3]) expect((await ask("/me", init)).status).toBe(200);
    expect(verified).toEqual([short]);
    time += 61_000;
    await ask("/me", init);
    expect(verified).toEqual([short, short]);
  });

  it("is left to the route where the shortcut fails", async () => {
    await deps.verifier.verify(token);
    let failures = 1;
    const log = () => {
      if (failures-- > 0) throw new Error("no log");
    };
    const response = await createApp({ ...deps, log }).request("/me", { headers: bearer });
    expect(response.status).toBe(200);
    expect(failures).toBeLessThan(0);
  });
});

test("never one user's answer for another", async () => {
  const users = Array.from({ length: 20 }, (_, number) => {
    const email = `user-${number}@example.test`;
    const claims = claimsOf(forge, { sub: crypto.randomUUID(), email });
    return { email, token: mint(forge, { claims }) };
  });
  const app = createApp({ ...deps, log: () => {} });
  for (const round of [1, 2, 3]) {
    await Promise.all(users.map(async ({ email, token }) => {
      const headers = { authorization: `Bearer ${token}` };
      const profile = await (await app.request("/me", { headers })).json();
      expect(profile.email, `round ${round}`).toBe(email);
    }));
  }
});
