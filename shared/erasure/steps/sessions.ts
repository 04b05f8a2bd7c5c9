import { withoutRight } from "../auth-tables.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";

/** Ends the sessions of the user at Supabase Auth; a soft deletion leaves none, a stop may. */
export async function endSessions(run: ErasureRun): Promise<StepOutcome> {
  if (run.job.kind === "person") return "done";
  await run.page(async (sql, { userId }) => {
    const closed = await withoutRight(sql, ["auth.sessions"]);
    if (closed.length === 0) await sql`delete from auth.sessions where user_id = ${userId}`;
    return { value: undefined };
  });
  return "done";
}
