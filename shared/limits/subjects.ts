import type { Env } from "../env.ts";

const keys = new WeakMap<Env, Promise<CryptoKey>>();

/**
 * What stands for an e-mail address in a counter: its HMAC-SHA256, 43 characters of base64url. The
 * key is derived from the secret key of the project, so the table alone does not tell addresses,
 * and a new secret key only begins the counts anew.
 */
export async function hashAddress(env: Env, email: string): Promise<string> {
  const key = keys.get(env) ?? deriveKey(env.secretKey);
  keys.set(env, key);
  const text = email.trim().normalize("NFC").toLowerCase();
  return toBase64Url(await crypto.subtle.sign("HMAC", await key, new TextEncoder().encode(text)));
}

async function deriveKey(secretKey: string): Promise<CryptoKey> {
  const root = await importHmacKey(new TextEncoder().encode(secretKey));
  const purpose = new TextEncoder().encode("heimdex rate limits by e-mail address");
  return await importHmacKey(await crypto.subtle.sign("HMAC", root, purpose));
}

function importHmacKey(bytes: BufferSource): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

function toBase64Url(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
