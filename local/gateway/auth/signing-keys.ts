import { createLocalJWKSet, importJWK, type JSONWebKeySet, jwtVerify, SignJWT } from "jose";
import type { JWK, JWTPayload } from "jose";

/** The project's ES256 key: signs access tokens, checks them, and publishes its public half. */
export interface SigningKeys {
  sign(claims: Record<string, unknown>): Promise<string>;
  /** Claims of a token with our signature that has not expired; throws otherwise. */
  verify(token: string): Promise<JWTPayload>;
  jwks: JSONWebKeySet;
}

/** Takes a private ES256 JWK; a key without `kid` gets its thumbprint from the caller's generator. */
export async function createSigningKeys(privateKey: JsonWebKey): Promise<SigningKeys> {
  const jwk: JWK = { ...privateKey, alg: "ES256" };
  const { kid, kty, crv, x, y } = jwk;
  if (kty !== "EC" || crv !== "P-256" || !kid) {
    throw new Error("The signing key must be an ES256 JWK with a kid");
  }
  const key = await importJWK({ kty, crv, x, y, d: jwk.d } as JWK, "ES256");
  const jwks: JSONWebKeySet = {
    keys: [
      { kty, crv, x, y, kid, alg: "ES256", use: "sig", key_ops: ["verify"], ext: true } as JWK,
    ],
  };
  const findKey = createLocalJWKSet(jwks);
  return {
    sign: (claims) =>
      new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid, typ: "JWT" }).sign(key),
    verify: async (token) => (await jwtVerify(token, findKey, { algorithms: ["ES256"] })).payload,
    jwks,
  };
}
