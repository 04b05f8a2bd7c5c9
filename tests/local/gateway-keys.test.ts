import { exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { createIdentifier, type Identifier } from "../../local/gateway/keys.ts";

const publishable = "sb_publishable_of_this_stack";
const secret = "sb_secret_of_this_stack";

let identifier: Identifier;
let userToken: string;
let expired: string;
let forged: string;
let strangeRole: string;

beforeAll(async () => {
  const signingKey = await createKey();
  identifier = await createIdentifier({
    publishableKey: publishable,
    secretKey: secret,
    signingKey,
  });
  const claims = { sub: "5b2a0f3e-0000-4000-8000-000000000001", role: "authenticated" };
  userToken = await sign(signingKey, claims, "1h");
  expired = await sign(signingKey, claims, "-1h");
  forged = await sign(await createKey(), claims, "1h");
  strangeRole = await sign(signingKey, { ...claims, role: "supabase_admin" }, "1h");
});

async function createKey(): Promise<JsonWebKey> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...await exportJWK(privateKey), kid: "one" } as JsonWebKey;
}

async function sign(key: JsonWebKey, claims: Record<string, string>, life: string) {
  return await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "one" })
    .setExpirationTime(life).sign(await importJWK({ kty: "EC", ...key }, "ES256"));
}

const request = (headers: Record<string, string>, query = "") =>
  new Request(`http://127.0.0.1/rest/v1/videos${query}`, { headers });

async function outcome(headers: Record<string, string>, query = ""): Promise<string> {
  const found = await identifier.identify(request(headers, query));
  return "caller" in found ? found.caller.role : found.refusal.reason;
}

describe("identify()", () => {
  it("translates keys to roles", async () => {
    expect(await outcome({ apikey: publishable })).toBe("anon");
    expect(await outcome({ apikey: secret })).toBe("service_role");
    expect(await outcome({ apikey: publishable, authorization: `Bearer ${publishable}` }))
      .toBe("anon");
    expect(await outcome({ apikey: secret, authorization: `Bearer ${secret}` }))
      .toBe("service_role");
    expect(await outcome({}, `?apikey=${publishable}`)).toBe("anon");
  });

  it("lets a token win over the key and keeps its claims", async () => {
    const headers = { apikey: publishable, authorization: `Bearer ${userToken}` };
    const found = await identifier.identify(request(headers));
    expect(found).toMatchObject({
      caller: { role: "authenticated", claims: { sub: "5b2a0f3e-0000-4000-8000-000000000001" } },
    });
    expect(await outcome({ apikey: secret, authorization: `Bearer ${userToken}` }))
      .toBe("authenticated");
    expect(await outcome({ apikey: userToken })).toBe("authenticated");
  });

  it("never turns a bad token into anon", async () => {
    const bearer = (token: string) => outcome({ apikey: publishable, authorization: token });
    expect(await bearer(`Bearer ${forged}`)).toBe("token_invalid");
    expect(await bearer(`Bearer ${expired}`)).toBe("token_expired");
    expect(await bearer("Bearer garbage")).toBe("token_invalid");
    expect(await bearer(`Bearer ${strangeRole}`)).toBe("role_refused");
    expect(await bearer("Bearer sb_secret_of_another_project")).toBe("key_invalid");
  });

  it("asks for a key", async () => {
    expect(await outcome({})).toBe("key_missing");
    expect(await outcome({ authorization: `Bearer ${userToken}` })).toBe("key_missing");
    expect(await outcome({ apikey: "sb_publishable_of_another_project" })).toBe("key_invalid");
  });
});

describe("identifyOptional()", () => {
  it("tells nobody from somebody refused", async () => {
    expect(await identifier.identifyOptional(request({}))).toEqual({ nobody: true });
    const withBearer = request({ authorization: `Bearer ${userToken}` });
    expect(await identifier.identifyOptional(withBearer)).toHaveProperty("caller");
    const withForged = request({ authorization: `Bearer ${forged}` });
    expect(await identifier.identifyOptional(withForged)).toHaveProperty("refusal");
  });
});
