import { exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import { useStack } from "./stack.ts";

export type Claims = JWTPayload & Record<string, unknown>;

export interface MintOptions {
  /** Private key; default is the stack's own, so that only the claims are at fault. */
  key?: JsonWebKey;
  /** Overrides of the protected header. */
  header?: Record<string, unknown>;
}

/** Claims as Supabase Auth writes them for a signed-in user; issued now, good for an hour. */
export function userClaims(overrides: Claims = {}): Claims {
  const now = Math.floor(Date.now() / 1000);
  const sub = overrides.sub ?? crypto.randomUUID();
  return {
    iss: useStack().jwtIssuer,
    aud: "authenticated",
    sub,
    iat: now,
    exp: now + 3600,
    email: `${sub}@example.test`,
    phone: "",
    role: "authenticated",
    aal: "aal1",
    amr: [{ method: "password", timestamp: now }],
    session_id: crypto.randomUUID(),
    is_anonymous: false,
    app_metadata: { provider: "email", providers: ["email"] },
    user_metadata: {},
    ...overrides,
  };
}

/** Signs these claims over the usual ones with the stack's key, or with another. */
export async function mintToken(
  overrides: Claims = {},
  options: MintOptions = {},
): Promise<string> {
  const { signingKey } = useStack();
  const key = options.key ?? signingKey;
  if (!key) {
    throw new Error("This stack keeps its signing key: guard the test with canMintTokens()");
  }
  const header = { alg: "ES256", typ: "JWT", kid: trustedKeyId(), ...options.header };
  return await new SignJWT(userClaims(overrides))
    .setProtectedHeader(header)
    .sign(await importJWK({ ...key, key_ops: ["sign"] }, header.alg));
}

/** A private key nobody trusts, with the key id the stack's own key has. */
export async function createForeignKey(
  kid = trustedKeyId(),
): Promise<JsonWebKey & { kid: string }> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...await exportJWK(privateKey), alg: "ES256", kid } as JsonWebKey & { kid: string };
}

/** A token that claims to need no signature. */
export function unsignedToken(overrides: Claims = {}): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode({ alg: "none", typ: "JWT" })}.${encode(userClaims(overrides))}.`;
}

/** Key id of the first key the stack publishes. */
export function trustedKeyId(): string {
  const kid = useStack().jwks.keys[0]?.kid;
  if (!kid) throw new Error("The stack publishes no key with a key id");
  return kid;
}
