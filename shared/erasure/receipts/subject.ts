import { toHex } from "./canonical.ts";

const encoder = new TextEncoder();

/** Names users or persons without saying who they are. */
export type Pseudonymizer = (id: string) => Promise<string>;

/**
 * The pseudonym an erased user or person keeps in tombstones and receipts: hexadecimal
 * HMAC-SHA256 of `kind:id` (id in lower case) with HEIMDEX_PSEUDONYM_KEY. Whoever holds the key can
 * tell whether an id was erased; nobody can come from the pseudonym to the id.
 */
export async function keyedSubject(
  pseudonymKey: string,
  kind: "user" | "person",
  id: string,
): Promise<string> {
  return await (await createPseudonymizer(pseudonymKey, kind))(id);
}

/**
 * Names the key itself: hexadecimal HMAC-SHA256 of `key` with it. Two subjects can be compared only
 * when this is the same for both.
 */
export async function nameSubjectKey(pseudonymKey: string): Promise<string> {
  return await (await openKey(pseudonymKey))("key");
}

/** As `keyedSubject`, for many ids: the key is imported once. */
export async function createPseudonymizer(
  pseudonymKey: string,
  kind: "user" | "person",
): Promise<Pseudonymizer> {
  const digest = await openKey(pseudonymKey);
  return (id) => digest(`${kind}:${id.toLowerCase()}`);
}

async function openKey(pseudonymKey: string): Promise<(message: string) => Promise<string>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(pseudonymKey), algorithm, false, [
    "sign",
  ]);
  return async (message) =>
    toHex(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(message))));
}
