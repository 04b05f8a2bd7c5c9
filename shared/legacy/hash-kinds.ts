/** What a legacy `password_hash` is: `unsupported` needs a new password, `none` never had one. */
export type HashKind = "bcrypt" | "argon2i" | "argon2id" | "unsupported" | "none";

const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const argon2 =
  /^\$(argon2id?)\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const maxLength = 255;

/**
 * Tells whether Supabase Auth takes a hash as it is: bcrypt of cost 4 to 31; argon2i and argon2id
 * of version 19 with memory up to 1,048,576 KiB, 20 rounds and 16 threads, in base64 without
 * padding, without key id and data. It answers any other one with 500.
 * Source: supabase-auth-facts 3.2 (internal/crypto/password.go).
 */
export function classifyHash(hash: string | null): HashKind {
  if (hash === null || hash === "") return "none";
  if (hash.length > maxLength) return "unsupported";
  const cost = bcrypt.exec(hash)?.[1];
  if (cost !== undefined) return isWithin(cost, 4, 31) ? "bcrypt" : "unsupported";
  const [, kind, memory = "", rounds = "", threads = "", salt = "", digest = ""] =
    argon2.exec(hash) ?? [];
  const supported = isWithin(memory, 1, 1_048_576) && isWithin(rounds, 1, 20) &&
    isWithin(threads, 1, 16) && isBase64(salt) && isBase64(digest);
  if (!supported) return "unsupported";
  return kind === "argon2i" ? "argon2i" : "argon2id";
}

function isWithin(digits: string, min: number, max: number): boolean {
  return digits !== "" && Number(digits) >= min && Number(digits) <= max;
}

function isBase64(text: string): boolean {
  return text.length % 4 !== 1;
}
