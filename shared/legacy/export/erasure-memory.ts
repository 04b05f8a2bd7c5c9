import type postgres from "postgres";
import { createPseudonymizer } from "../../erasure/receipts/subject.ts";
import { LegacyError } from "../errors.ts";
import type { Judgement } from "../plan/judge.ts";

/** Marks as gone who was erased so long ago that only the keyed pseudonym is left. */
export type ErasureMemory = (judgements: readonly Judgement[]) => Promise<Judgement[]>;

/**
 * Opens the memory of finished erasures.
 * @throws LegacyError usage when there are some and HEIMDEX_PSEUDONYM_KEY is not set: users who were
 * erased could come back as new accounts
 */
export async function openErasureMemory(
  sql: postgres.ISql,
  pseudonymKey: string | undefined,
): Promise<ErasureMemory> {
  const [row] = await sql<{ any: boolean }[]>`
    select exists (select from private.erased_users where user_id is null) as any`;
  if (!row?.any) return (judgements) => Promise.resolve([...judgements]);
  if (pseudonymKey === undefined) {
    throw new LegacyError(
      "usage",
      "Set HEIMDEX_PSEUDONYM_KEY: users were erased in this project, and without the key they " +
        "could come back. Nothing was changed",
    );
  }
  const nameSubject = await createPseudonymizer(pseudonymKey, "user");
  return async (judgements) => {
    const subjects = await Promise.all(
      judgements.map(({ target, current }) => current ? "" : nameSubject(target.supabaseUserId)),
    );
    const rows = await sql<{ subject: string }[]>`
      select subject from private.erased_users where subject = any(${subjects})`;
    const erased = new Set(rows.map(({ subject }) => subject));
    return judgements.map((judgement, index) =>
      erased.has(subjects[index] ?? "") ? { ...judgement, gone: true } : judgement
    );
  };
}
