import { keyedSubject } from "../receipts/subject.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";

/**
 * Writes the tombstone, which refuses every session of the user at the doors and outlives the
 * account, so that a user whom a restore brings back is recognised.
 * @throws AppError user_still_exists while the account lives and is not soft-deleted.
 */
export async function writeTombstone(run: ErasureRun): Promise<StepOutcome> {
  const { kind, personId } = run.job;
  const id = personId ?? run.userId;
  const subject = await keyedSubject(run.ctx.pseudonymKey, kind, id);
  await run.page(async (sql, { userId }) => {
    if (kind === "user") {
      await sql`
        insert into private.erased_users (subject, user_id) values (${subject}, ${userId})
        on conflict (subject) do update set user_id = excluded.user_id`;
    }
    return { value: undefined, change: { subject } };
  });
  return "done";
}
