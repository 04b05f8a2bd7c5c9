import { Buffer } from "node:buffer";
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import type { JWK } from "jose";

export type Claims = Record<string, unknown>;
export type Header = Record<string, unknown>;

/** What an attacker knows of a deployment, and the keys only Supabase Auth should have. */
export interface Forge {
  readonly issuer: string;
  readonly kid: string;
  /** Private ES256 key whose public part the deployment trusts. */
  readonly key: KeyObject;
  readonly publicKey: JWK;
}

/** The forge of a deployment that trusts this private ES256 key. */
export function createForge(issuer: string, key: KeyObject, kid: string): Forge {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: "jwk" }) as JWK;
  const publicKey = { kty, crv, x, y, kid, alg: "ES256", use: "sig" } as JWK;
  return { issuer, kid, key, publicKey };
}

export function importKey(jwk: JsonWebKey): KeyObject {
  const { kty, crv, x, y, d } = jwk;
  return createPrivateKey({ key: { kty, crv, x, y, d }, format: "jwk" });
}

export function newKey(namedCurve: "P-256" | "P-384" | "secp256k1" = "P-256"): KeyObject {
  return generateKeyPairSync("ec", { namedCurve }).privateKey;
}

export function newRsaKey(modulusLength = 2048): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength }).privateKey;
}

export function newEdKey(): KeyObject {
  return generateKeyPairSync("ed25519").privateKey;
}

export function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** Claims of a token that is good for an hour; undefined takes a claim away. */
export function claimsOf(forge: Forge, overrides: Claims = {}): Claims {
  return {
    iss: forge.issuer,
    aud: "authenticated",
    sub: "5c1f0a52-7a55-4f7d-9c53-0f9f2c7e1a11",
    iat: now(),
    exp: now() + 3600,
    email: "mina@example.test",
    phone: "",
    role: "authenticated",
    aal: "aal1",
    amr: [{ method: "password", timestamp: now() }],
    session_id: "0b6f6a3e-95a5-4a4b-8f9e-1f9a52d5a001",
    is_anonymous: false,
    app_metadata: { provider: "email", providers: ["email"] },
    user_metadata: {},
    ...overrides,
  };
}

export function headerOf(forge: Forge, overrides: Header = {}): Header {
  return { alg: "ES256", typ: "JWT", kid: forge.kid, ...overrides };
}

export interface TokenParts {
  /** Overrides of the usual header, or its text. */
  header?: Header | string;
  /** Overrides of the usual claims, or the payload's text. */
  claims?: Claims | string;
  /** Default: the deployment's own key. */
  signature?: Signer;
}

/** From the signing input to the octets of a signature. */
export type Signer = (input: string, forge: Forge) => Buffer;

/** A compact token; where nothing is said it is one that the deployment takes. */
export function mint(forge: Forge, { header, claims, signature = es256 }: TokenParts = {}): string {
  const head = typeof header === "string" ? header : JSON.stringify(headerOf(forge, header));
  const body = typeof claims === "string" ? claims : JSON.stringify(claimsOf(forge, claims));
  const input = `${base64url(head)}.${base64url(body)}`;
  return `${input}.${signature(input, forge).toString("base64url")}`;
}

export function base64url(content: string | Uint8Array): string {
  return Buffer.from(content).toString("base64url");
}

export const es256: Signer = (input, forge) => signWith(forge.key)(input, forge);

export function signWith(key: KeyObject, hash = "sha256"): Signer {
  return (input) => sign(hash, Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
}

export function signEd(key: KeyObject): Signer {
  return (input) => sign(null, Buffer.from(input), key);
}

export function hmac(secret: (forge: Forge) => string | Buffer, hash = "sha256"): Signer {
  return (input, forge) => createHmac(hash, secret(forge)).update(input).digest();
}

/** A signature of these octets, whatever is signed. */
export function octets(length: number, value = 0): Signer {
  return () => Buffer.alloc(length, value);
}

/** The deployment's own signature, changed. */
export function changed(
  change: (signature: Buffer, input: string, forge: Forge) => Buffer,
): Signer {
  return (input, forge) => change(es256(input, forge), input, forge);
}

/** The good token with its three parts changed as text. */
export function respell(
  forge: Forge,
  change: (parts: { header: string; payload: string; signature: string }) => string,
): string {
  const [header = "", payload = "", signature = ""] = mint(forge).split(".");
  return change({ header, payload, signature });
}

export function pemOf(forge: Forge): string {
  return createPublicKey(forge.key).export({ type: "spki", format: "pem" }).toString();
}

export function derOf(forge: Forge): Buffer {
  return createPublicKey(forge.key).export({ type: "spki", format: "der" });
}

/** x and y as octets: the point that a public key is. */
export function pointOf(forge: Forge): Buffer {
  const { x = "", y = "" } = forge.publicKey;
  return Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

export function publicJwk(key: KeyObject): JWK {
  return createPublicKey(key).export({ format: "jwk" }) as JWK;
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** ECDSA's other signature of the same message: (r, n - s). */
export function mirrorSignature(signature: Buffer): Buffer {
  const s = BigInt(`0x${signature.subarray(32).toString("hex")}`);
  const mirrored = Buffer.from((order - s).toString(16).padStart(64, "0"), "hex");
  return Buffer.concat([signature.subarray(0, 32), mirrored]);
}

/** r and s as OpenSSL writes them, for keys of 256 bits. */
export function toDer(signature: Buffer): Buffer {
  const integer = (octets: Buffer) => {
    const bare = octets.subarray(octets.findIndex((octet) => octet !== 0));
    const signed = (bare[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bare]) : bare;
    return Buffer.concat([Buffer.from([2, signed.length]), signed]);
  };
  const body = Buffer.concat([
    integer(signature.subarray(0, 32)),
    integer(signature.subarray(32)),
  ]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
