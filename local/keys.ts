import { join } from "node:path";
import type { JSONWebKeySet } from "jose";
import type { RolePasswords } from "./bootstrap/mod.ts";
import { LocalStackError } from "./errors.ts";

/** Every secret of one embedded stack. Made once, kept in keys.json, never committed. */
export interface StackKeys {
  publishableKey: string;
  secretKey: string;
  /** Private ES256 key (with kid) that signs access tokens. */
  signingKey: JsonWebKey & { kid: string };
  /** HS256 secret between the gateway and @supabase/lite; no token with it ever leaves the gateway. */
  liteJwtSecret: string;
  /** Standard Webhooks secret, `v1,whsec_<base64>`. */
  webhookSecret: string;
  cronSecret: string;
  cursorKey: string;
  pseudonymKey: string;
  /** Private Ed25519 key that signs erasure receipts. */
  receiptKey: JsonWebKey & { kid: string };
  workerKey: string;
  superuserPassword: string;
  passwords: RolePasswords;
}

/** Reads the keys of a data folder, making them on the first start (mode 0600). */
export async function loadKeys(dataDir: string): Promise<StackKeys> {
  const path = join(dataDir, "keys.json");
  const text = await readKeys(path);
  if (text !== undefined) return parseKeys(text, path);
  const keys = await createKeys();
  const aside = `${path}.new`;
  await Deno.writeTextFile(aside, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  await Deno.rename(aside, path);
  return keys;
}

/** The public half of the signing key, as /auth/v1/.well-known/jwks.json answers it. */
export function publicKeySet(keys: StackKeys): JSONWebKeySet {
  const { kty, crv, x, y, kid } = keys.signingKey;
  return {
    keys: [{
      kty: kty ?? "EC",
      alg: "ES256",
      use: "sig",
      key_ops: ["verify"],
      kid,
      ...(crv && x && y ? { crv, x, y } : {}),
    }],
  };
}

async function readKeys(path: string): Promise<string | undefined> {
  try {
    // A copy or a restore may have opened it to others.
    await Deno.chmod(path, 0o600);
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new LocalStackError(
        `The keys in "${path}" belong to another operating-system user: start as that user, ` +
          `or choose another folder with HEIMDEX_DATA_DIR`,
      );
    }
    throw error;
  }
}

function parseKeys(text: string, path: string): StackKeys {
  try {
    const keys = JSON.parse(text) as Partial<StackKeys>;
    if (keys.signingKey?.d && keys.passwords?.postgres && keys.receiptKey?.d) {
      return keys as StackKeys;
    }
  } catch {
    // Told below.
  }
  throw new LocalStackError(
    `The keys in "${path}" cannot be read as JSON: run "npm start -- --reset" to begin anew`,
  );
}

async function createKeys(): Promise<StackKeys> {
  return {
    publishableKey: `sb_publishable_${randomText(24)}`,
    secretKey: `sb_secret_${randomText(32)}`,
    signingKey: await createSigningKey({ name: "ECDSA", namedCurve: "P-256" }, "ES256"),
    liteJwtSecret: randomText(48),
    webhookSecret: `v1,whsec_${randomBytes(32).toBase64()}`,
    cronSecret: randomText(32),
    cursorKey: randomText(32),
    pseudonymKey: randomText(32),
    receiptKey: await createSigningKey({ name: "Ed25519" }, "EdDSA"),
    workerKey: randomText(32),
    superuserPassword: randomText(24),
    passwords: {
      postgres: randomText(24),
      authenticator: randomText(24),
      supabase_auth_admin: randomText(24),
      supabase_storage_admin: randomText(24),
    },
  };
}

async function createSigningKey(
  algorithm: EcKeyGenParams | { name: "Ed25519" },
  alg: string,
): Promise<JsonWebKey & { kid: string }> {
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error(`No key pair was made for ${alg}`);
  const key = await crypto.subtle.exportKey("jwk", pair.privateKey);
  return { ...key, alg, use: "sig", key_ops: ["sign"], kid: crypto.randomUUID() };
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toBase64({ alphabet: "base64url", omitPadding: true });
}
