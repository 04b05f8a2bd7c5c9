import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTokenVerifier } from "../../../shared/auth/verify-token.ts";
import { type Env, readEnv } from "../../../shared/env.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { deadPort } from "../../support/app.ts";

type Key = CryptoKey | Uint8Array;

const issuer = "https://abc.supabase.co/auth/v1";
const legacySecret = "a-legacy-secret-of-32-characters";

function environment(extra: Record<string, string> = {}): Env {
  return readEnv({
    SUPABASE_URL: "https://abc.supabase.co",
    SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    SUPABASE_DB_URL: "postgresql://localhost/postgres",
    ...extra,
  });
}

async function createKey(alg: "ES256" | "RS256", kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk: JWK = { ...await exportJWK(publicKey), alg, kid, use: "sig" };
  return { privateKey, jwk };
}

const good = {
  iss: issuer,
  aud: "authenticated",
  sub: "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
  session_id: "0b6f6a3e-95a5-4a4b-8f9e-1f9a52d5a001",
  role: "authenticated",
  email: "mina@example.com",
};

function sign(
  key: Key,
  header: { alg: string; kid?: string },
  claims: Record<string, unknown> = {},
  lifetime = 3600,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iat: now, exp: now + lifetime, ...good, ...claims };
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined) Reflect.deleteProperty(payload, name);
  }
  return new SignJWT(payload).setProtectedHeader(header).sign(key);
}

async function codeOf(verifying: Promise<unknown>): Promise<string> {
  return await verifying.then(() => "accepted", (error) => {
    if (error instanceof AppError) return error.code;
    throw error;
  });
}

const ec = await createKey("ES256", "ec-1");
const rsa = await createKey("RS256", "rsa-1");
const stranger = await createKey("ES256", "ec-1");
const jwks = JSON.stringify({ keys: [ec.jwk, rsa.jwk] });
const es256 = { alg: "ES256", kid: "ec-1" };

describe("createTokenVerifier() with SUPABASE_JWKS", () => {
  const verifier = createTokenVerifier(environment({ SUPABASE_JWKS: jwks }));
  const codeFor = async (token: string | Promise<string>) =>
    await codeOf(verifier.verify(await token));

  it("accepts ES256 and RS256 and answers user, claims and token", async () => {
    const token = await sign(ec.privateKey, es256);
    const verified = await verifier.verify(token);
    expect(verified.user).toMatchObject({ supabaseUserId: good.sub, email: good.email });
    expect(verified.claims.sub).toBe(good.sub);
    expect(verified.token).toBe(token);
    expect(await codeFor(sign(rsa.privateKey, { alg: "RS256", kid: "rsa-1" }))).toBe("accepted");
  });

  it("tolerates a clock that is a little ahead, and no more", async () => {
    expect(await codeFor(sign(ec.privateKey, es256, {}, -2))).toBe("accepted");
    expect(await codeFor(sign(ec.privateKey, es256, {}, -10))).toBe("token_expired");
  });

  it.each([
    ["another issuer", { iss: "https://evil.supabase.co/auth/v1" }],
    ["no issuer", { iss: undefined }],
    ["another audience", { aud: "other" }],
    ["no audience", { aud: undefined }],
    ["the role anon", { role: "anon" }],
    ["the role service_role", { role: "service_role" }],
    ["no role", { role: undefined }],
    ["no subject", { sub: undefined }],
    ["a subject that is no UUID", { sub: "1" }],
    ["no session", { session_id: undefined }],
    ["a session that is no UUID", { session_id: "x" }],
    ["no expiry", { exp: undefined }],
    ["a start in the future", { nbf: Math.floor(Date.now() / 1000) + 600 }],
  ])("refuses a token with %s", async (_name, claims) => {
    expect(await codeFor(sign(ec.privateKey, es256, claims))).toBe("token_invalid");
  });

  it("refuses a forged key under the right key id", async () => {
    expect(await codeFor(sign(stranger.privateKey, es256))).toBe("token_invalid");
  });

  it("refuses an unknown key id with 401, not 503", async () => {
    const token = sign(ec.privateKey, { alg: "ES256", kid: "gone" });
    expect(await codeFor(token)).toBe("token_invalid");
  });

  it("refuses a public key used as HMAC secret", async () => {
    const secret = new TextEncoder().encode(JSON.stringify(ec.jwk));
    expect(await codeFor(sign(secret, { alg: "HS256", kid: "ec-1" }))).toBe("token_invalid");
  });

  it("refuses alg none, changed payloads and what is no JWT", async () => {
    const [header, payload, signature] = (await sign(ec.privateKey, es256)).split(".");
    const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("=", "");
    const changed = encode({ ...JSON.parse(atob(payload ?? "")), role: "service_role" });
    for (
      const token of [
        `${encode({ alg: "none" })}.${payload}.`,
        `${encode({ alg: "None", kid: "ec-1" })}.${payload}.${signature}`,
        `${header}.${changed}.${signature}`,
        `${header}.${payload}.`,
        "garbage",
        "",
        "a.b.c",
        "x".repeat(9000),
      ]
    ) expect(await codeFor(token), token.slice(0, 60)).toBe("token_invalid");
  });

  it("refuses HS256 where no legacy secret is configured", async () => {
    const token = sign(new TextEncoder().encode(legacySecret), { alg: "HS256" });
    expect(await codeFor(token)).toBe("token_invalid");
  });
});

describe("createTokenVerifier() with a legacy secret", () => {
  const verifier = createTokenVerifier(environment({
    SUPABASE_JWKS: jwks,
    HEIMDEX_LEGACY_JWT_SECRET: legacySecret,
  }));

  it("accepts HS256 with that secret and ES256 beside it", async () => {
    const secret = new TextEncoder().encode(legacySecret);
    expect(await codeOf(verifier.verify(await sign(secret, { alg: "HS256" })))).toBe("accepted");
    expect(await codeOf(verifier.verify(await sign(ec.privateKey, es256)))).toBe("accepted");
  });

  it("refuses HS256 with another secret", async () => {
    const other = new TextEncoder().encode(`${legacySecret}!`);
    expect(await codeOf(verifier.verify(await sign(other, { alg: "HS256" })))).toBe(
      "token_invalid",
    );
  });
});

describe("createTokenVerifier() with the JWKS endpoint", () => {
  let keys: JSONWebKeySet = { keys: [ec.jwk] };
  let status = 200;
  let requests = 0;
  let server: Deno.HttpServer<Deno.NetAddr>;
  const verifierAt = (port: number) =>
    createTokenVerifier(environment({
      SUPABASE_URL: `http://127.0.0.1:${port}`,
      HEIMDEX_JWT_ISSUER: issuer,
    }));

  beforeAll(() => {
    server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      requests++;
      const found = new URL(request.url).pathname === "/auth/v1/.well-known/jwks.json";
      return Response.json(keys, { status: found ? status : 404 });
    });
  });
  afterAll(() => server.shutdown());

  it("fetches the keys once and keeps them", async () => {
    const verifier = verifierAt(server.addr.port);
    requests = 0;
    for (let i = 0; i < 3; i++) await verifier.verify(await sign(ec.privateKey, es256));
    expect(requests).toBe(1);
  });

  it("does not ask again for each unknown key id", async () => {
    const verifier = verifierAt(server.addr.port);
    requests = 0;
    for (let i = 0; i < 3; i++) {
      const token = await sign(ec.privateKey, { alg: "ES256", kid: `gone-${i}` });
      expect(await codeOf(verifier.verify(token))).toBe("token_invalid");
    }
    expect(requests).toBe(1);
  });

  it("answers 503 while the keys cannot be fetched, and recovers", async () => {
    const verifier = verifierAt(server.addr.port);
    const token = await sign(ec.privateKey, es256);
    status = 500;
    expect(await codeOf(verifier.verify(token))).toBe("keys_unavailable");
    status = 200;
    keys = { keys: [{ kty: "EC" }] };
    expect(await codeOf(verifier.verify(token))).toBe("token_invalid");
    keys = { keys: [ec.jwk] };
    expect(await codeOf(verifierAt(server.addr.port).verify(token))).toBe("accepted");
  });

  it("answers 503 when nobody listens", async () => {
    const token = await sign(ec.privateKey, es256);
    expect(await codeOf(verifierAt(deadPort).verify(token))).toBe("keys_unavailable");
  });

  it("never asks for a key when the algorithm is not allowed", async () => {
    const token = await sign(new TextEncoder().encode(legacySecret), { alg: "HS256" });
    expect(await codeOf(verifierAt(deadPort).verify(token))).toBe("token_invalid");
  });
});
