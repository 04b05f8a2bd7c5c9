import { createClient } from "@supabase/supabase-js";
import { type LegacyRows, writeLegacyRows } from "../../../cli/legacy/sample/write.ts";
import type { Stack } from "../../../local/stack.ts";
import type { Sql } from "../../../local/kept-databases.ts";
import type { Account, LegacyObject } from "./write-model.ts";

/** Writes the rows of a legacy database as superuser, past foreign keys: some rows have no owner. */
export async function seedRows(sql: Sql, rows: LegacyRows): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await writeLegacyRows(tx, rows);
  });
}

/** Gives Supabase Auth the accounts that are there before the move, through the Admin API. */
export async function seedAccounts(stack: Stack, accounts: readonly Account[]): Promise<void> {
  const { auth } = adminOf(stack);
  for (const account of accounts) {
    const { error } = await auth.admin.createUser({
      id: account.id,
      email: account.email,
      password: account.password,
      email_confirm: account.isConfirmed,
      user_metadata: account.userMetadata,
      app_metadata: account.appMetadata,
    });
    if (error) throw new Error(`Cannot create ${account.email}: ${error.message}`);
  }
}

/** Puts objects under their old keys into the project's Storage. */
export async function seedObjects(stack: Stack, objects: readonly LegacyObject[]): Promise<void> {
  const { storage } = adminOf(stack);
  for (const { bucket, key, body } of objects) {
    const contentType = contentTypeOf(key);
    const { error } = await storage.from(bucket).upload(key, bytesOf(body), { contentType });
    if (error) throw new Error(`Cannot store ${key}: ${error.message}`);
  }
}

/** Media type by the extension of a key; the buckets refuse others. */
export function contentTypeOf(key: string): string {
  if (key.endsWith(".mp4")) return "video/mp4";
  return key.endsWith(".json") ? "application/json" : "image/jpeg";
}

/** The bytes of an object. */
export function bytesOf(body: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(body);
}

/** A client with the secret key, which never signs in. */
export function adminOf({ url, secretKey }: Stack) {
  return createClient(url, secretKey, { auth: { persistSession: false, autoRefreshToken: false } });
}
