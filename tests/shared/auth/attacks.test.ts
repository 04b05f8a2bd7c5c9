import { afterAll, describe, expect, it } from "vitest";
import { keyTimes } from "../../../shared/auth/public-keys.ts";
import { createTokenVerifier, type TokenVerifier } from "../../../shared/auth/verify-token.ts";
import { attackCount, attacks } from "./attacks.ts";
import { deploymentEnv, projectIssuer, serveKeys, verdictOf } from "./deployment.ts";
import { createForge, mint, newKey, newRsaKey, publicJwk } from "./forge.ts";

const forge = createForge(projectIssuer, newKey(), "ec-1");
const keys = {
  keys: [
    forge.publicKey,
    { ...publicJwk(newKey()), kid: "ec-2", alg: "ES256", use: "sig" },
    { ...publicJwk(newRsaKey()), kid: "rsa-1", alg: "RS256", use: "sig" },
  ],
};
const endpoint = serveKeys(keys);
const common = { SUPABASE_URL: endpoint.url, HEIMDEX_JWT_ISSUER: projectIssuer };
const jwks = { SUPABASE_JWKS: JSON.stringify(keys) };
const deployments: Record<string, TokenVerifier> = {
  "SUPABASE_JWKS": createTokenVerifier(deploymentEnv({ ...common, ...jwks })),
  "the key endpoint": createTokenVerifier(deploymentEnv(common)),
  "a legacy secret beside them": createTokenVerifier(deploymentEnv({
    ...common,
    ...jwks,
    HEIMDEX_LEGACY_JWT_SECRET: "a-legacy-secret-of-32-characters",
  })),
};
const deploymentCount = Object.keys(deployments).length;
const suite = `${attackCount} attacks on access tokens, each on ${deploymentCount} deployments`;
const started = Date.now();

afterAll(async () => {
  await endpoint.stop();
  // deno-lint-ignore no-console -- the size of the suite is read by people
  console.info(suite);
});

describe(suite, () => {
  it("starts from a token that every deployment takes", async () => {
    for (const verifier of Object.values(deployments)) {
      expect(await verdictOf(verifier.verify(mint(forge)))).toBe("accepted");
    }
  });

  describe.each(Object.entries(attacks))("%s", (_group, rows) => {
    it.each(rows)("$what: $expected", async ({ token, expected }) => {
      const attack = token(forge);
      for (const [name, verifier] of Object.entries(deployments)) {
        expect(await verdictOf(verifier.verify(attack)), name).toBe(expected);
      }
    });
  });

  it("made no deployment ask for keys more than its cooldown allows", () => {
    const pauses = Math.floor((Date.now() - started) / keyTimes.cooldown);
    expect(endpoint.requests).toBeLessThanOrEqual((2 + pauses) * deploymentCount);
  });
});
