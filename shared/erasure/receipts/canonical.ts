import canonicalize from "canonicalize";
import type { ReceiptBody } from "./receipt.ts";

const encoder = new TextEncoder();

/**
 * The one way to write a JSON value: members sorted, no white space (RFC 8785).
 * Throws: Error on what JSON cannot hold (NaN, a cycle, half of a surrogate pair).
 */
export function toCanonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("The value has no form in JSON");
  return text;
}

/** SHA-256 over the canonical form of a receipt without hash and signature; 32 bytes. */
export async function digestReceipt(body: ReceiptBody): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = encoder.encode(toCanonicalJson(body));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Bytes as hexadecimal digits in lower case. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
