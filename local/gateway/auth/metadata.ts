import type { Metadata } from "./database.ts";

/** Supabase Auth's merge: top-level keys are replaced whole, null deletes a key. */
export function mergeMetadata(current: Metadata | null, patch: Metadata): Metadata {
  const merged = { ...current, ...patch };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
}
