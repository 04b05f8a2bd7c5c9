import type { Database } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import { nameFailure } from "../errors/name-failure.ts";
import { toClientNetwork } from "../http/client-ip.ts";
import type { Activity } from "./activities.ts";
import { recordActivity } from "./record.ts";

/** Takes note of activities; they are written after the answer. */
export interface ActivityLog {
  /** Never throws and never waits. */
  record(activity: Activity): void;
}

/** What the log works with; `waitUntil` keeps the process until the writing is done. */
export interface ActivityLogOptions {
  database: Pick<Database, "asService">;
  waitUntil(work: Promise<unknown>): void;
  log(line: Record<string, unknown>): void;
  /** Activities that may wait; default 2,000. */
  capacity?: number;
  /** Milliseconds to wait before each repetition of a failed write; default 250, 1000. */
  pauses?: readonly number[];
}

/** Activities one statement writes. */
const batchSize = 200;

/** Milliseconds in which a refusal of the same kind is counted instead of written again. */
const repeatWindow = 60_000;

/** Kinds of refusals that are remembered; the oldest is forgotten first. */
const mostKinds = 10_000;

/** Ids of requests that a log line names when their activities are lost. */
const mostNamed = 50;

/**
 * A queue in front of the audit trail. One batch is under way at a time, so a burst takes one
 * connection of the pool, and what arrives meanwhile goes with the next one. What does not fit into
 * the queue, or cannot be written after several tries, is counted in a log line of level error. What
 * is queued gets an id first: a connection that is lost at its COMMIT leaves open whether the batch
 * was written, and the repetition writes what is missing.
 *
 * The same refusal of the same caller is written once a minute, with the number of those left out
 * before it: nobody can fill the table by being refused. Each of them has its own line in the log.
 */
export function createActivityLog(options: ActivityLogOptions): ActivityLog {
  const { capacity = 2000 } = options;
  const waiting: Activity[] = [];
  const refusals = new Repeats();
  let dropped = 0;
  let isWriting = false;

  async function write(): Promise<void> {
    // The answer goes first.
    await new Promise((resolve) => setTimeout(resolve, 0));
    while (waiting.length > 0) await writeBatch(options, waiting.splice(0, batchSize));
    isWriting = false;
    if (dropped > 0) options.log({ level: "error", event: "activities_dropped", count: dropped });
    dropped = 0;
  }

  return {
    record(activity) {
      const seen = activity.outcome === "refused" ? refusals.see(kindOf(activity)) : 0;
      if (seen === undefined) return;
      if (waiting.length >= capacity) {
        dropped += 1;
        return;
      }
      const eventId = crypto.randomUUID();
      waiting.push({ eventId, ...activity, ...(seen > 0 ? { repeats: seen } : {}) });
      if (isWriting) return;
      isWriting = true;
      options.waitUntil(write());
    },
  };
}

/**
 * Writes a batch, again after each pause. What is still refused then is written one by one, so that
 * only what the database does not take is lost. Nothing is written twice: each has its id.
 */
async function writeBatch(options: ActivityLogOptions, batch: readonly Activity[]): Promise<void> {
  const { pauses = [250, 1000] } = options;
  let failure = await tryToWrite(options, batch);
  for (const pause of pauses) {
    if (!failure) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
    failure = await tryToWrite(options, batch);
  }
  if (!failure) return;
  const lost = batch.length === 1 || isOutage(failure)
    ? { activities: batch, failure }
    : await writeSingly(options, batch);
  if (lost.failure) tellLost(options, lost.activities, lost.failure);
}

/** An error that says why nothing was written, as far as one can know. */
async function tryToWrite(
  { database }: ActivityLogOptions,
  activities: readonly Activity[],
): Promise<{ error: unknown } | undefined> {
  try {
    await database.asService((sql) => recordActivity(sql, activities));
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** Activities that could not be written, and the failure of the last one. */
interface Lost {
  activities: readonly Activity[];
  failure: { error: unknown } | undefined;
}

/** Writes each for itself, until the database is away. */
async function writeSingly(options: ActivityLogOptions, batch: readonly Activity[]): Promise<Lost> {
  const refused: Activity[] = [];
  let last: Lost["failure"];
  for (const [at, activity] of batch.entries()) {
    const failure = await tryToWrite(options, [activity]);
    if (!failure) continue;
    last = failure;
    if (isOutage(failure)) return { activities: [...refused, ...batch.slice(at)], failure };
    refused.push(activity);
  }
  return { activities: refused, failure: last };
}

/** Then what failed says nothing of the activities, and to try each would only take time. */
function isOutage({ error }: { error: unknown }): boolean {
  return error instanceof AppError && error.code === "database_unavailable";
}

function tellLost(
  { log }: ActivityLogOptions,
  activities: readonly Activity[],
  { error }: { error: unknown },
): void {
  log({
    level: "error",
    event: "activities_lost",
    count: activities.length,
    request_ids: activities.slice(0, mostNamed).map(({ requestId }) => requestId),
    reason: nameFailure(error),
  });
}

function kindOf({ type, code, route, userId, clientIp, actor }: Activity): string {
  // Whoever has one IPv6 address has a network of them, and could fill the table with each.
  const client = clientIp && toClientNetwork(clientIp);
  return [type, code, route, userId ?? client ?? actor].join(" ");
}

/** Remembers which refusals were written a moment ago. */
class Repeats {
  readonly #kinds = new Map<string, { until: number; repeats: number }>();

  /** How many of this kind were left out before; undefined when this one is to be left out too. */
  see(kind: string): number | undefined {
    const now = performance.now();
    const known = this.#kinds.get(kind);
    if (known && now < known.until) {
      known.repeats += 1;
      return undefined;
    }
    this.#kinds.delete(kind);
    this.#kinds.set(kind, { until: now + repeatWindow, repeats: 0 });
    if (this.#kinds.size > mostKinds) this.#forgetOldest();
    return known?.repeats ?? 0;
  }

  #forgetOldest(): void {
    for (const kind of this.#kinds.keys()) {
      this.#kinds.delete(kind);
      return;
    }
  }
}
