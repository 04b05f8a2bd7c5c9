import type { Transaction } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import type { ErasureContext } from "./context.ts";
import type { Erasure } from "./erasure.ts";
import { hasUnmovedUsers } from "./legacy-hold.ts";
import { type ErasureJob, readErasure } from "./store.ts";

/** What an operator's command needs. */
export type OperatorContext = Pick<ErasureContext, "database" | "now">;

/**
 * Lets a held erasure begin; the next run takes it up.
 * @throws AppError erasure_not_found; erasure_state_conflict when it is not held, or while users of
 * the former system are not moved over
 */
export async function releaseErasure(ctx: OperatorContext, erasureId: string): Promise<Erasure> {
  return await ctx.database.asService(async (sql) => {
    if (await hasUnmovedUsers(sql)) {
      throw new AppError(
        "erasure_state_conflict",
        "Users of the former system are not moved over yet. Finish the cutover, then release",
      );
    }
    return await takeUp(sql, erasureId, { from: "held", now: ctx.now() });
  });
}

/**
 * Takes up an erasure that gave up after too many tries.
 * @throws AppError erasure_not_found; erasure_state_conflict when it has not given up
 */
export async function retryErasure(ctx: OperatorContext, erasureId: string): Promise<Erasure> {
  return await ctx.database.asService((sql) =>
    takeUp(sql, erasureId, { from: "dead", now: ctx.now() })
  );
}

const advice = {
  held: "Only a held erasure can be released",
  dead: "Only a dead erasure can be retried: the others are, by themselves",
} as const;

async function takeUp(
  sql: Transaction,
  erasureId: string,
  { from, now }: { from: keyof typeof advice; now: Date },
): Promise<ErasureJob> {
  const { count } = await sql`
    update private.erasures set state = 'pending', attempts = 0, last_error = null,
      next_attempt_at = ${now}, effective_at = least(effective_at, ${now})
    where erasure_id = ${erasureId} and state = ${from}`;
  const erasure = await readErasure(sql, erasureId);
  if (count > 0) return erasure;
  throw new AppError("erasure_state_conflict", `The erasure is ${erasure.state}. ${advice[from]}`);
}
