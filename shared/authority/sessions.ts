import { operatorActivity, recordActivity } from "../audit/mod.ts";
import type { Database } from "../database/doors.ts";
import { withoutRight } from "../erasure/auth-tables.ts";
import { AppError } from "../errors/app-error.ts";

/**
 * Ends every session of a user: Supabase Auth has no such call, so the rows go. From then on no
 * route, no policy and no refresh takes a token of theirs. Answers how many there were.
 * @throws AppError forbidden where the project's role may not delete sessions
 */
export async function endAllSessions(
  { database }: { database: Database },
  userId: string,
): Promise<number> {
  return await database.asService(async (sql) => {
    if ((await withoutRight(sql, ["auth.sessions"])).length > 0) {
      throw new AppError("forbidden", "The role of DATABASE_URL may not delete from auth.sessions");
    }
    const { count } = await sql`delete from auth.sessions where user_id = ${userId}`;
    const activity = { type: "sessions.revoked", resource: "user", resourceId: userId } as const;
    if (count > 0) await recordActivity(sql, [operatorActivity({ ...activity, userId })]);
    return count;
  });
}
