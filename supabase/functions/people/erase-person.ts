import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { createErasureContext } from "../../../shared/erasure/context.ts";
import { runErasure } from "../../../shared/erasure/engine.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { beginPersonDeletion } from "./store.ts";

/** Milliseconds a request works at it; a person has few rows and photos. */
const budgetMs = 20_000;

/** Milliseconds between two looks at a job that the drain or another request holds. */
const pauseMs = 100;

/**
 * Erases one person of the caller and answers the id of the erasure, which its receipts carry. What
 * an outage leaves undone is taken up by the next call or the drain.
 * Waits for a drain or another request that is at it already.
 * @throws AppError person_not_found; storage_unavailable, also when the time is used up
 */
export async function erasePerson(
  deps: Deps,
  verified: VerifiedToken,
  personId: string,
): Promise<string> {
  const context = createErasureContext(deps);
  const erasureId = await deps.database.asUser(
    verified,
    (sql) => beginPersonDeletion(sql, personId),
  );
  const deadline = new Date(deps.now().getTime() + budgetMs);
  for (;;) {
    const { state } = await runErasure(context, erasureId, deadline);
    if (state === "provisional" || state === "final") return erasureId;
    if (deps.now() >= deadline) break;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  throw new AppError(
    "storage_unavailable",
    "The person is hidden and the photos are still being removed, try again shortly",
  );
}
