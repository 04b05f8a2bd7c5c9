import { base64url } from "jose";
import { AppError } from "../errors/app-error.ts";

/** One value of a keyset: what the next page's `where (a, b) < (x, y)` compares with. */
export type CursorValue = string | number | boolean | null;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Writes an opaque cursor: the values of the last row, bound to the query they belong to and
 * signed, so that a client can neither forge one nor carry it to another query or user.
 * @param key HEIMDEX_CURSOR_KEY
 * @param queryHash identifies route, filters and owner; see {@link hashQuery}
 * @param values the keyset of the last row, and whatever else the next page needs
 */
export async function signCursor(
  key: string,
  queryHash: string,
  values: readonly CursorValue[],
): Promise<string> {
  const payload = toBase64Url(encoder.encode(JSON.stringify(values)));
  const mac = await crypto.subtle.sign("HMAC", await importKey(key), message(queryHash, payload));
  return `${payload}.${toBase64Url(new Uint8Array(mac))}`;
}

/**
 * Reads a cursor back.
 * @throws AppError invalid_cursor when it was altered, signed with another key or made for another
 * query
 */
export async function readCursor(
  key: string,
  queryHash: string,
  cursor: string,
): Promise<CursorValue[]> {
  const [payload = "", signature = "", ...rest] = cursor.split(".");
  const mac = fromBase64Url(signature);
  const bytes = fromBase64Url(payload);
  if (!mac || !bytes || rest.length > 0) throw invalidCursor();
  const genuine = await crypto.subtle.verify(
    "HMAC",
    await importKey(key),
    mac,
    message(queryHash, payload),
  );
  if (!genuine) throw invalidCursor();
  const values: unknown = JSON.parse(decoder.decode(bytes));
  if (!Array.isArray(values)) throw invalidCursor();
  return values;
}

/**
 * Hashes what a cursor is bound to: route name, user id, filters. Members are taken in the order of
 * their names; undefined counts as absent.
 */
export async function hashQuery(query: Record<string, unknown>): Promise<string> {
  const members = Object.entries(query).filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => a < b ? -1 : 1);
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(JSON.stringify(members)));
  return toBase64Url(new Uint8Array(digest));
}

function invalidCursor(): AppError {
  return new AppError(
    "invalid_cursor",
    "The cursor does not belong to this query, ask for the first page again",
  );
}

function message(queryHash: string, payload: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${queryHash}.${payload}`);
}

let imported: { text: string; key: Promise<CryptoKey> } | undefined;

/** A process has one key; to import it takes as long as to sign with it. */
function importKey(text: string): Promise<CryptoKey> {
  if (imported?.text === text) return imported.key;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const usages: KeyUsage[] = ["sign", "verify"];
  const key = crypto.subtle.importKey("raw", encoder.encode(text), algorithm, false, usages);
  imported = { text, key };
  return key;
}

/** base64url of jose: the hosted runtime may lack Uint8Array.prototype.toBase64. */
function toBase64Url(bytes: Uint8Array): string {
  return base64url.encode(bytes);
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    return new Uint8Array(base64url.decode(text));
  } catch {
    return null;
  }
}
