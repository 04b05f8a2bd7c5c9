import type { Judgement } from "../plan/judge.ts";
import type { LegacyUser } from "../target.ts";
import { readUsers } from "../users.ts";
import { type Mismatch, toMismatch } from "./mismatch.ts";
import type { Snapshot } from "./snapshot.ts";

/**
 * Compares a page of users of a separate legacy database with what was loaded of them, whole rows. Who
 * was erased in the project is not loaded again.
 */
export async function compareLoaded(
  { sql }: Snapshot,
  judgements: readonly Judgement[],
): Promise<Mismatch[]> {
  const loaded = await readUsers(sql, judgements.map(({ user }) => user.userId));
  const byId = new Map(loaded.map((user) => [user.userId, user]));
  return judgements.flatMap(({ user, gone }) => {
    const own = byId.get(user.userId);
    if (gone && own === undefined) return [];
    const fields = differingFields(user, own);
    return fields.length > 0 ? [toMismatch("not_loaded", user.userId, { fields })] : [];
  });
}

function differingFields(user: LegacyUser, loaded: LegacyUser | undefined): string[] {
  if (loaded === undefined) return ["user_id"];
  const values: Record<string, unknown> = { ...loaded };
  return Object.entries(user)
    .filter(([name, value]) => toText(value) !== toText(values[name]))
    .map(([name]) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function toText(value: unknown): string {
  return value instanceof Date ? String(value.getTime()) : String(value);
}
