import { nameFailure } from "../errors/name-failure.ts";
import { buckets, exportPrefix } from "../storage/keys.ts";
import { buildPart } from "./build-part.ts";
import { defaultSizes, type ExportContext, type ExportOptions } from "./context.ts";
import {
  cancelExport,
  type ClaimedExport,
  claimExport,
  completeExport,
  failExport,
  LeaseLost,
  listDueRemovals,
  markRemoved,
  maxAttempts,
  pauseExport,
  postponeRemoval,
  recordPart,
  renewLease,
  UserGone,
} from "./store.ts";

/**
 * How a run of one export ended: `paused` goes on with the next run, `retried` failed and goes on
 * after a pause, `failed` is over, `cancelled` means that the user is gone, `lost` that another
 * process has taken it over.
 */
export type ExportOutcome = "completed" | "paused" | "retried" | "failed" | "cancelled" | "lost";

/** What one call of `runDueExports` did; `removed` counts exports whose objects went. */
export type DueExports = Record<ExportOutcome | "removed", number>;

/** What one call may still do. */
interface Budget {
  spend(bytes: number): void;
  isSpent(): boolean;
}

/** What a part costs besides its data: opening it, asking Supabase Auth, uploading. */
const bytesOfAnyPart = 1024 * 1024;

/** Exports whose objects one drain removes: the next one goes on. */
const removalsAtATime = 20;

/** Storage said that it removed objects, and still lists them. */
class ObjectsKeptError extends Error {
  override readonly name = "ObjectsKeptError";
}

/**
 * Works on due exports until none is left, `callBytes` are packed, the deadline has passed or a
 * part of the platform is away, then removes what has expired. Looks at its budget between the
 * parts of an export, so it may pass the deadline by the time one part takes.
 * @throws AppError database_unavailable when the exports themselves cannot be read
 */
export async function runDueExports(
  context: ExportContext,
  deadline: Date,
  options: ExportOptions = {},
): Promise<DueExports> {
  const result: DueExports = {
    completed: 0,
    paused: 0,
    retried: 0,
    failed: 0,
    cancelled: 0,
    lost: 0,
    removed: 0,
  };
  const budget = openBudget(context, deadline, options.callBytes ?? defaultSizes.callBytes);
  while (!budget.isSpent()) {
    const job = await claimExport(context);
    if (!job) break;
    const outcome = await runClaimed(context, job, budget, options);
    result[outcome] += 1;
    // Others would only use up their tries against the same outage.
    if (outcome === "retried" || outcome === "failed") break;
  }
  result.removed = await removeExpired(context, deadline);
  return result;
}

/**
 * Works on one export, due or not, until it is complete or the deadline has passed, unless another
 * process does: then undefined.
 * @throws as {@link runDueExports}
 */
export async function runExport(
  context: ExportContext,
  exportId: string,
  deadline: Date,
  options: ExportOptions = {},
): Promise<ExportOutcome | undefined> {
  const job = await claimExport(context, exportId);
  return job && await runClaimed(context, job, openBudget(context, deadline, Infinity), options);
}

function openBudget({ now }: ExportContext, deadline: Date, bytes: number): Budget {
  let left = bytes;
  return {
    spend: (taken) => left -= Math.max(taken, bytesOfAnyPart),
    isSpent: () => left <= 0 || now() >= deadline,
  };
}

async function runClaimed(
  context: ExportContext,
  job: ClaimedExport,
  budget: Budget,
  options: ExportOptions,
): Promise<ExportOutcome> {
  try {
    // A run that was killed never reported its failure.
    if (job.attempts > maxAttempts) return await giveBack(context, job, "interrupted");
    await options.onPoint?.("claimed", job.exportId);
    return await buildParts(context, job, budget, options);
  } catch (error) {
    if (error instanceof LeaseLost) return "lost";
    if (error instanceof UserGone) return await cancel(context, job);
    return await giveBack(context, job, nameFailure(error));
  }
}

async function buildParts(
  context: ExportContext,
  job: ClaimedExport,
  budget: Budget,
  options: ExportOptions,
): Promise<ExportOutcome> {
  const { onPoint, ...sizes } = { ...defaultSizes, ...options };
  let current = job;
  for (;;) {
    const built = await buildPart(context, current, sizes, () => onPoint?.("page", job.exportId));
    budget.spend(built.taken);
    await onPoint?.("built", job.exportId);
    const parts = [...built.earlier, built.part];
    // A process that slept must not overwrite a part which the next one has recorded.
    await renewLease(context, job);
    await context.objects.put(buckets.exports, built.part.key, built.bytes, {
      contentType: "application/zip",
      upsert: true,
    });
    await onPoint?.("uploaded", job.exportId);
    if (!built.checkpoint) {
      await completeExport(context, job, parts);
      const bytes = parts.reduce((sum, part) => sum + part.size_bytes, 0);
      context.log({ event: "export_completed", export_id: job.exportId, bytes });
      await onPoint?.("recorded", job.exportId);
      return "completed";
    }
    await recordPart(context, job, { parts, checkpoint: built.checkpoint });
    await onPoint?.("recorded", job.exportId);
    current = { ...job, parts, checkpoint: built.checkpoint };
    if (budget.isSpent()) break;
  }
  await pauseExport(context, job);
  return "paused";
}

/** What was uploaded goes at once; the erasure's late sweep would find it too. */
async function cancel(context: ExportContext, job: ClaimedExport): Promise<ExportOutcome> {
  await cancelExport(context, job.exportId);
  context.log({ event: "export_cancelled", export_id: job.exportId });
  await tryToRemove(context, job);
  return "cancelled";
}

async function giveBack(
  context: ExportContext,
  job: ClaimedExport,
  reason: string,
): Promise<ExportOutcome> {
  const { final } = await failExport(context, job, reason);
  const event = final ? "export_failed" : "export_retried";
  context.log({ level: "error", event, export_id: job.exportId, reason });
  return final ? "failed" : "retried";
}

async function removeExpired(context: ExportContext, deadline: Date): Promise<number> {
  if (context.now() >= deadline) return 0;
  let removed = 0;
  for (const due of await listDueRemovals(context, removalsAtATime)) {
    if (context.now() >= deadline) break;
    if (await tryToRemove(context, due)) removed += 1;
  }
  return removed;
}

async function tryToRemove(
  context: ExportContext,
  { exportId, userId }: Pick<ClaimedExport, "exportId" | "userId">,
): Promise<boolean> {
  try {
    await removeObjects(context, exportPrefix(userId, exportId));
  } catch (error) {
    const reason = nameFailure(error);
    context.log({ level: "error", event: "export_not_removed", export_id: exportId, reason });
    await postponeRemoval(context, exportId);
    return false;
  }
  await markRemoved(context, exportId);
  return true;
}

async function removeObjects({ objects }: ExportContext, prefix: string): Promise<void> {
  let previous = "";
  for (;;) {
    const { objects: found } = await objects.list(buckets.exports, { prefix });
    if (found.length === 0) return;
    const seen = JSON.stringify(found);
    if (seen === previous) throw new ObjectsKeptError("Storage keeps objects it said to remove");
    previous = seen;
    await objects.remove(buckets.exports, found.map((one) => one.key));
  }
}
