/** What a status token begins with, so that no access token is ever taken for one. */
const prefix = "erasure_";

/** A new status token: 256 random bits, shown once and stored hashed. */
export function createStatusToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return prefix + bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Whether a text has the form of a status token; says nothing of whether it is known. */
export function isStatusToken(text: string): boolean {
  return /^erasure_[A-Za-z0-9_-]{43}$/.test(text);
}

/** Hex SHA-256 of a status token, as `private.erasures.status_token_hash` holds it. */
export async function hashStatusToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return new Uint8Array(digest).toHex();
}
