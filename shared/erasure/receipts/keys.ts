import { base64url, calculateJwkThumbprint, type JSONWebKeySet, type JWK } from "jose";
import * as z from "zod";
import { later } from "../../later.ts";
import { parseJson } from "../../json.ts";

const bytes32 = later(() => z.string().regex(/^[A-Za-z0-9_-]{43}$/));
const publicKeySchema = later(() =>
  z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: bytes32 })
);
const privateKeySchema = later(() => publicKeySchema.extend({ d: bytes32 }));
const keySetSchema = later(() => z.object({ keys: z.array(z.unknown()).min(1) }));

type PublicKey = z.infer<typeof publicKeySchema>;

/** The public half of a receipt key; `kid` is its RFC 7638 thumbprint. */
export interface PublicReceiptKey extends PublicKey {
  readonly alg: "Ed25519";
  readonly use: "sig";
  readonly kid: string;
}

/** Signs receipts. */
export interface ReceiptSigner {
  readonly publicKey: PublicReceiptKey;
  /** Signature in base64url, 86 characters. */
  sign(bytes: Uint8Array<ArrayBuffer>): Promise<string>;
}

/** Checks signatures of receipts, by the `kid` they name. */
export interface ReceiptKeyring {
  has(kid: string): boolean;
  verify(kid: string, signature: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>;
}

/** A key is not what receipts need. The message names the setting or the file's content, no value. */
export class ReceiptKeyError extends Error {
  override readonly name = "ReceiptKeyError";
}

const algorithm = { name: "Ed25519" };

/**
 * Opens the signing key. Shape of `jwk`: the JSON text of an Ed25519 private JWK, as
 * HEIMDEX_RECEIPT_KEY holds it; only kty, crv, x and d count.
 * Throws: ReceiptKeyError when it is none, or when its halves do not belong together: what it signs
 * could never be verified.
 */
export async function openReceiptSigner(jwk: string): Promise<ReceiptSigner> {
  const parsed = privateKeySchema.safeParse(parseJson(jwk));
  if (!parsed.success) {
    throw new ReceiptKeyError(
      "HEIMDEX_RECEIPT_KEY is no Ed25519 private JWK: set it to the JSON of one",
    );
  }
  const { d, ...publicHalf } = parsed.data;
  const [signing, publicKey] = await Promise.all([
    crypto.subtle.importKey("jwk", { ...publicHalf, d }, algorithm, false, ["sign"]),
    describeKey(publicHalf),
  ]).catch((cause) => {
    throw new ReceiptKeyError("HEIMDEX_RECEIPT_KEY cannot be read as an Ed25519 key", { cause });
  });
  const sign = async (bytes: Uint8Array<ArrayBuffer>) =>
    base64url.encode(new Uint8Array(await crypto.subtle.sign(algorithm, signing, bytes)));
  const probe = new Uint8Array(1);
  const keyring = await openReceiptKeyring(publicKey);
  if (!await keyring.verify(publicKey.kid, await sign(probe), probe)) {
    throw new ReceiptKeyError("The halves x and d of HEIMDEX_RECEIPT_KEY are of different keys");
  }
  return { publicKey, sign };
}

/**
 * Opens public keys for verification: one JWK, or a set when keys were changed over time.
 * Throws: ReceiptKeyError when one of them is no Ed25519 key.
 */
export async function openReceiptKeyring(source: JWK | JSONWebKeySet): Promise<ReceiptKeyring> {
  const set = keySetSchema.safeParse(source);
  const keys = new Map<string, CryptoKey>();
  for (const candidate of set.success ? set.data.keys : [source]) {
    const parsed = publicKeySchema.safeParse(candidate);
    if (!parsed.success) throw new ReceiptKeyError("The key is no Ed25519 public JWK");
    const { kid } = await describeKey(parsed.data);
    const key = await importPublicKey(parsed.data);
    keys.set(kid, key);
  }
  return {
    has: (kid) => keys.has(kid),
    verify: async (kid, signature, bytes) => {
      const key = keys.get(kid);
      const value = decodeStrictly(signature);
      return key !== undefined && value !== undefined &&
        await crypto.subtle.verify(algorithm, key, value, bytes);
    },
  };
}

async function importPublicKey(key: PublicKey): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("jwk", key, algorithm, true, ["verify"]);
  } catch (cause) {
    throw new ReceiptKeyError("The key cannot be read as an Ed25519 public key", { cause });
  }
}

async function describeKey(key: PublicKey): Promise<PublicReceiptKey> {
  const kid = await calculateJwkThumbprint(key, "sha256");
  return { ...key, alg: "Ed25519", use: "sig", kid };
}

// The last character carries bits that decoding drops: another one there would pass unnoticed.
function decodeStrictly(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = new Uint8Array(base64url.decode(text));
    return base64url.encode(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
