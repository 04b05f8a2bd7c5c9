import { argon2Verify, bcrypt, bcryptVerify } from "hash-wasm";
import { AuthError, unexpectedFailure } from "./errors.ts";
import { recogniseHash } from "./password-hash.ts";
import type { AuthSettings } from "./settings.ts";

/** bcrypt reads no more than this; Supabase Auth refuses longer ones instead of cutting them. */
const MAX_BYTES = 72;
const LOWEST_COST = 4;

/** Throws 422 weak_password, or 400 for more bytes than bcrypt reads. */
export function assertPasswordStrong(password: string, settings: AuthSettings): void {
  if (byteLength(password) > MAX_BYTES) {
    throw new AuthError(
      400,
      "validation_failed",
      "Password cannot be longer than 72 characters",
    );
  }
  const shortest = Math.max(6, settings.minPasswordLength);
  if (password.length >= shortest) return;
  throw new AuthError(
    422,
    "weak_password",
    `Password should be at least ${shortest} characters.`,
    { extra: { weak_password: { reasons: ["length"] } } },
  );
}

/** bcrypt of a password; none gives the hash of a random one, which needs no cost. */
export async function hashPassword(password: string | null, cost: number): Promise<string> {
  const text = password ?? createRandomPassword();
  if (byteLength(text) > MAX_BYTES) throw unexpectedFailure("Error creating user");
  return await bcrypt({
    password: text,
    salt: crypto.getRandomValues(new Uint8Array(16)),
    costFactor: password === null ? LOWEST_COST : cost,
    outputType: "encoded",
  });
}

/** 64 characters that nobody is told. */
export function createRandomPassword(): string {
  return crypto.randomUUID() + crypto.randomUUID().slice(0, 28);
}

/** True when `password` belongs to the stored hash; an unknown kind of hash matches nothing. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const kind = hash === null || password === "" ? null : recogniseHash(hash);
  if (hash === null || kind === null) return false;
  if (kind === "argon2") return await argon2Verify({ password, hash });
  if (byteLength(password) > MAX_BYTES) return false;
  return await bcryptVerify({ password, hash });
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
