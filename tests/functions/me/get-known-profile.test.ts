import { describe, expect, it, test } from "vitest";
import { createDeps, type Deps } from "../../../shared/http/deps.ts";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { deploymentEnv, projectIssuer } from "../../shared/auth/deployment.ts";
import { claimsOf, createForge, mint, newKey, publicJwk } from "../../shared/auth/forge.ts";

const forge = createForge(projectIssuer, newKey(), "key-1");
const origin = "https://app.test";
const keys = { keys: [{ ...publicJwk(forge.key), kid: forge.kid, alg: "ES256", use: "sig" }] };
const deps = createDeps(deploymentEnv({
  SUPABASE_JWKS: JSON.stringify(keys),
  HEIMDEX_ALLOWED_ORIGINS: origin,
  HEIMDEX_CLIENT_IP_HEADER: "x-real-ip",
}));
const token = mint(forge, { claims: claimsOf(forge, { email: "mina@example.test" }) });
const bearer = { authorization: `Bearer ${token}` };

/** What a request is answered and what is logged of it, without what differs each time. */
async function answerOf(verifier: Deps["verifier"], path: string, init: RequestInit = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = (line: Record<string, unknown>) => void lines.push(line);
  const response = await createApp({ ...deps, verifier, log }).request(path, init);
  const { "server-timing": timing = "", ...headers } = Object.fromEntries(response.headers);
  const [{ time: _time, ms: _ms, ...line } = {}, ...more] = lines;
  expect(more).toEqual([]);
  const timed = [...timing.matchAll(/(\w+);dur=[\d.]+/g)].map(([, name]) => name);
  return { status: response.status, headers, timed, line, body: await response.text() };
}

/** A verifier that remembers nothing, so that the route answers. */
const forgetful = { verify: (token: string) => deps.verifier.verify(token) };

describe("a user whose token is known", () => {
  const id = { "x-request-id": "same-in-both" };

  it.each<[string, string, RequestInit]>([
    ["a browser", "/functions/v1/me", { headers: { ...bearer, ...id, origin } }],
    ["another origin", "/me", { headers: { ...bearer, ...id, origin: "https://evil.test" } }],
    ["no browser", "/me", { headers: { ...bearer, ...id } }],
    ["a slash at the end", "/functions/v1/me/", { headers: { ...bearer, ...id } }],
    ["no function name", "/", { headers: { ...bearer, ...id } }],
    ["a scheme in small letters", "/me", {
      headers: { ...id, authorization: `bearer ${token}` },
    }],
    ["HEAD", "/me", { method: "HEAD", headers: { ...bearer, ...id } }],
    ["an empty query", "/me?", { headers: { ...bearer, ...id } }],
    ["a wrong query", "/me?fresh=maybe", { headers: { ...bearer, ...id } }],
    ["another path that ends so", "/other/functions/v1/me", { headers: { ...bearer, ...id } }],
    ["another method", "/me", { method: "PUT", headers: { ...bearer, ...id } }],
    ["a token and more", "/me", { headers: { ...id, authorization: `Bearer ${token} x` } }],
    ["a changed token", "/me", { headers: { ...id, authorization: `Bearer ${token}A` } }],
    ["no token", "/me", { headers: id }],
  ])("is answered as the route answers: %s", async (_, path, init) => {
    await deps.verifier.verify(token);
    expect(await answerOf(deps.verifier, path, init)).toEqual(
      await answerOf(forgetful, path, init),
    );
  });

  it("gets an answer of its own each time, under a new request id", async () => {
    await deps.verifier.verify(token);
    const app = createApp({ ...deps, log: () => {} });
    const answers = [1, 2, 3].map(() => app.request("/me", { headers: bearer }));
    const responses = await Promise.all(answers);
    const bodies = await Promise.all(responses.map((response) => response.json()));
    expect(new Set(bodies.map(({ email }) => email))).toEqual(new Set(["mina@example.test"]));
    expect(new Set(responses.map(({ headers }) => headers.get("x-request-id"))).size).toBe(3);
  });

  it("is answered ahead of the routes", async () => {
    await deps.verifier.verify(token);
    const app = createApp({ ...deps, log: () => {} });
    app.use(() => Promise.reject(new Error("The framework was asked")));
    expect(app.fetch(new Request("http://x/me", { headers: bearer }))).toBeInstanceOf(Response);
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
