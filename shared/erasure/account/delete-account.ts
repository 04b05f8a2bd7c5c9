import type { VerifiedToken } from "../../auth/verify-token.ts";
import { type Deps, describeError } from "../../http/deps.ts";
import { createErasureContext, type ErasureContext } from "../context.ts";
import { requestErasure } from "../engine.ts";
import type { ErasureState } from "../erasure.ts";
import { confirmDeletion } from "./confirm-deletion.ts";
import { deleteAuthUser } from "./delete-auth-user.ts";
import { type DeletionTime, readDeletionTime } from "./rules.ts";
import { createStatusToken, hashStatusToken } from "./status-token.ts";
import { type ErasureRecord, scheduleDeletion } from "./store.ts";

/** What the caller takes away from a deletion: the token outlives the account. */
export interface DeletionTicket {
  readonly erasureId: string;
  readonly state: ErasureState;
  readonly effectiveAt: Date;
  readonly statusToken: string;
}

/**
 * Deletes the caller's account at once or schedules it, after a confirmation. The schedule is
 * committed before Supabase Auth is asked, so an outage there loses nothing: the state stays
 * `scheduled` and the drain deletes the account. A second call joins the same erasure; its status
 * token replaces the first, and its time does too while the first has not come.
 * @throws AppError validation_failed (422); what confirmDeletion throws; EnvError when erasures
 * cannot be proven: then nothing begins
 */
export async function deleteAccount(
  deps: Deps,
  verified: VerifiedToken,
  wish: DeletionTime & { password?: string | undefined },
): Promise<DeletionTicket> {
  const context = createErasureContext(deps);
  const effectiveAt = readDeletionTime(wish, deps.now());
  await confirmDeletion(deps, verified, wish.password);
  const statusToken = createStatusToken();
  const statusTokenHash = await hashStatusToken(statusToken);
  const erasure = await deps.database.asUser(
    verified,
    (sql) => scheduleDeletion(sql, { effectiveAt, statusTokenHash }),
  );
  const state = erasure.due
    ? await removeAccount(context, verified.user.supabaseUserId, erasure)
    : erasure.state;
  return {
    erasureId: erasure.erasure_id,
    state,
    effectiveAt: new Date(erasure.effective_at),
    statusToken,
  };
}

/** What fails here the drain does: the row is committed. Answers the state that was reached. */
async function removeAccount(
  context: ErasureContext,
  userId: string,
  erasure: ErasureRecord,
): Promise<ErasureState> {
  try {
    await deleteAuthUser(context.auth, userId);
    return (await requestErasure(context, { kind: "user", userId, origin: "account" })).state;
  } catch (error) {
    context.log({
      level: "warn",
      event: "account_deletion_postponed",
      erasure_id: erasure.erasure_id,
      ...describeError(error),
    });
    return erasure.state;
  }
}
