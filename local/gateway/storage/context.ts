import type { Caller } from "../keys.ts";
import type { StorageDatabase } from "./database.ts";
import { refuse } from "./errors.ts";
import type { FileStore } from "./files.ts";
import type { UrlSigner } from "./tokens.ts";

export interface StorageParts {
  database: StorageDatabase;
  files: FileStore;
  signer: UrlSigner;
}

/** One request, its path already taken apart and decoded. */
export interface StorageContext extends StorageParts {
  request: Request;
  query: URLSearchParams;
  bucket: string;
  key: string;
  caller: Caller;
}

export type StorageHandler = (context: StorageContext) => Promise<Response>;

export interface ObjectRow {
  id: string;
  name: string;
  bucket_id: string;
  owner: string | null;
  owner_id: string | null;
  version: string;
  created_at: Date;
  updated_at: Date;
  last_accessed_at: Date;
  metadata: ObjectMetadata | null;
  user_metadata: Record<string, unknown> | null;
}

export interface ObjectMetadata {
  eTag: string;
  size: number;
  mimetype: string;
  cacheControl: string;
  lastModified: string;
  contentLength: number;
  httpStatusCode: number;
  contentEncoding?: string;
}

/** The JSON body of a request; anything that is no object is refused. */
export async function readJson(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => null);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw refuse.invalidRequest("Body must be a JSON object");
  }
  return { ...body };
}

export function readText(body: Record<string, unknown>, name: string): string {
  const value = body[name];
  if (typeof value !== "string" || value === "") {
    throw refuse.invalidRequest(`body must have required property '${name}'`);
  }
  return value;
}

/** A whole number in range, or the fallback when the field is absent. */
export function readInteger(
  body: Record<string, unknown>,
  name: string,
  range: { min: number; max: number; fallback: number },
): number {
  const value = body[name] ?? range.fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < range.min) {
    throw refuse.invalidRequest(`body/${name} must be an integer of at least ${range.min}`);
  }
  return Math.min(value, range.max);
}
