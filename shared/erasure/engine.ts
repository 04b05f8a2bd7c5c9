import { AppError } from "../errors/app-error.ts";
import { nameFailure } from "../errors/name-failure.ts";
import { deleteAuthUser } from "./account/delete-auth-user.ts";
import type { ErasureContext } from "./context.ts";
import { type Erasure, type StepName, stepNames } from "./erasure.ts";
import { IncompleteErasureError } from "./errors.ts";
import { requestErasure } from "./request.ts";
import { beginLease, DeadlineReached, ErasureRun, type Step } from "./run.ts";
import { collectObjects } from "./steps/collect.ts";
import { handOverVideos } from "./steps/hand-over.ts";
import { clearAuthLeftovers } from "./steps/leftovers.ts";
import { removeStoredObjects } from "./steps/objects.ts";
import { writeReceipt } from "./steps/receipt.ts";
import { takeRows } from "./steps/rows.ts";
import { endSessions } from "./steps/sessions.ts";
import { writeTombstone } from "./steps/tombstone.ts";
import { verifyErasure } from "./steps/verify.ts";
import {
  claimErasure,
  claimScheduled,
  type ErasureJob,
  failErasure,
  findDueErasure,
  type Lease,
  LeaseLostError,
  pauseErasure,
  readErasure,
} from "./store.ts";

export { stepNames } from "./erasure.ts";
export { type ErasureRequest, requestErasure } from "./request.ts";

/** What one call of `runDueErasures` did; `ran` is the number of runs that began. */
export interface DueErasures {
  ran: number;
  provisional: number;
  final: number;
  failed: number;
}

const steps: Record<StepName, Step> = {
  tombstone: writeTombstone,
  sessions: endSessions,
  collect: collectObjects,
  "hand-over": handOverVideos,
  rows: takeRows,
  objects: removeStoredObjects,
  leftovers: clearAuthLeftovers,
  verify: verifyErasure,
  receipt: writeReceipt,
};

/** Rounds one call makes after something was written meanwhile; the next call makes more. */
const roundsAtATime = 5;

/** From this failure on, one that is no outage makes a job wait for an operator. */
const patience = 12;

/**
 * Works on one erasure until it is provisional, final, or the deadline has come. A job that another
 * process holds, or that has nothing to do now, comes back as it stands.
 * @throws AppError erasure_not_found, storage_unavailable, auth_unavailable, database_unavailable;
 * IncompleteErasureError; whatever `onPoint` throws. The job then goes back with a later due time,
 * and a later run takes it up at the step that failed.
 */
export async function runErasure(
  ctx: ErasureContext,
  erasureId: string,
  deadline: Date,
): Promise<Erasure> {
  const lease = beginLease(ctx);
  const job = await ctx.database.asService((sql) => claimErasure(sql, erasureId, lease));
  if (job) {
    try {
      await runSteps(new ErasureRun(ctx, job, { leaseId: lease.id, deadline }));
    } catch (error) {
      if (error instanceof DeadlineReached) {
        await ctx.database.asService((sql) =>
          pauseErasure(sql, erasureId, { ...lease, now: ctx.now() })
        );
      } else if (!(error instanceof LeaseLostError)) {
        await recordFailure(ctx, job, lease, error);
        throw error;
      }
    }
  }
  return await ctx.database.asService((sql) => readErasure(sql, erasureId));
}

async function runSteps(run: ErasureRun): Promise<void> {
  const { ctx, job: { erasureId } } = run;
  await refuseLivingUser(run);
  let rounds = 0;
  let step = run.job.step ?? stepNames[0];
  for (;;) {
    await ctx.onPoint?.(`before:${step}`, erasureId);
    const outcome = await steps[step](run);
    await ctx.onPoint?.(`after:${step}`, erasureId);
    if (step === "receipt") return;
    if (outcome === "again" && ++rounds > roundsAtATime) {
      throw new IncompleteErasureError("Rows or objects are written while the erasure runs");
    }
    step = outcome === "again" ? "collect" : stepNames[stepNames.indexOf(step) + 1] ?? "receipt";
    await run.save({ step, cursor: {} });
  }
}

/** A restore may have brought the account back between two runs. */
async function refuseLivingUser(run: ErasureRun): Promise<void> {
  if (run.job.kind === "person") return;
  await run.page(async (sql, { userId }) => {
    await sql`select private.require_deleted_user(${userId})`;
    return { value: undefined };
  });
}

/**
 * Works off everything that is due, one job after the other: scheduled accounts whose time has come
 * are deleted at Supabase Auth, open jobs and late sweeps are run. Stops at the deadline, or when a
 * part of the platform is away.
 * @throws AppError database_unavailable when the jobs themselves cannot be read.
 */
export async function runDueErasures(ctx: ErasureContext, deadline: Date): Promise<DueErasures> {
  const result: DueErasures = { ran: 0, provisional: 0, final: 0, failed: 0 };
  const outage = await deleteDueAccounts(ctx, deadline, result);
  while (!outage && ctx.now() < deadline) {
    const erasureId = await ctx.database.asService((sql) => findDueErasure(sql, ctx.now()));
    if (!erasureId) break;
    result.ran++;
    try {
      const { state } = await runErasure(ctx, erasureId, deadline);
      if (state === "provisional" || state === "final") result[state]++;
    } catch (error) {
      result.failed++;
      if (isOutage(error)) break;
    }
  }
  return result;
}

/** Returns true when Supabase Auth is away: the next account would fail the same way. */
async function deleteDueAccounts(
  ctx: ErasureContext,
  deadline: Date,
  result: DueErasures,
): Promise<boolean> {
  while (ctx.now() < deadline) {
    const lease = beginLease(ctx);
    const job = await ctx.database.asService((sql) => claimScheduled(sql, lease));
    if (!job?.userId) return false;
    try {
      await deleteAuthUser(ctx.auth, job.userId);
      await requestErasure(ctx, { kind: "user", userId: job.userId, origin: "account" });
    } catch (error) {
      result.failed++;
      await recordFailure(ctx, job, lease, error);
      if (isOutage(error)) return true;
    }
  }
  return false;
}

/** The failure itself goes to the caller; a database that is away cannot take note of it. */
async function recordFailure(
  ctx: ErasureContext,
  job: ErasureJob,
  lease: Lease,
  error: unknown,
): Promise<void> {
  const { erasureId, state } = job;
  const outage = isOutage(error);
  const attempts = job.attempts + (outage ? 0 : 1);
  const reason = nameFailure(error);
  ctx.log({ level: "error", event: "erasure_failed", erasure_id: erasureId, reason, attempts });
  const failure = {
    reason,
    attempts,
    nextAttemptAt: new Date(ctx.now().getTime() + backoffMs(attempts)),
    state: reason === "user_still_exists" && state !== "scheduled"
      ? "held" as const
      : attempts >= patience && !outage
      ? "dead" as const
      : undefined,
  };
  try {
    await ctx.database.asService((sql) => failErasure(sql, erasureId, lease, failure));
  } catch (cause) {
    ctx.log({
      level: "error",
      event: "erasure_failure_not_recorded",
      erasure_id: erasureId,
      reason: nameFailure(cause),
    });
  }
}

/**
 * 15 s to 30 s after an outage and after the first failure, doubling up to an hour; spread, so that
 * jobs part ways.
 */
function backoffMs(attempts: number): number {
  const longest = Math.min(30_000 * 2 ** Math.max(0, attempts - 1), 3_600_000);
  return longest * (0.5 + Math.random() / 2);
}

function isOutage(error: unknown): boolean {
  return error instanceof AppError && error.status === 503;
}
