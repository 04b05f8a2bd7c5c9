import type { Transaction } from "../database/doors.ts";
import type { ErasureContext } from "./context.ts";
import type { Scope } from "./manifest-rules.ts";
import { lockScope } from "./rows.ts";
import { type Cursor, type ErasureJob, holdErasure, type JobChange, type Lease } from "./store.ts";

/** Milliseconds a process holds a job without a sign of life; a single call takes 30 s at most. */
const leaseMs = 90_000;

/** What a step ends with; `again` goes back to collecting, because something came meanwhile. */
export type StepOutcome = "done" | "again";

/** One step of an erasure. Idempotent: it may be stopped anywhere and runs again from its cursor. */
export type Step = (run: ErasureRun) => Promise<StepOutcome>;

/** The time of this call is used up; the job goes on with the next one. */
export class DeadlineReached extends Error {
  override readonly name = "DeadlineReached";
}

/** A lease that begins now. */
export function beginLease(ctx: ErasureContext): Lease {
  return renewLease(ctx, crypto.randomUUID());
}

function renewLease(ctx: ErasureContext, id: string): Lease {
  const now = ctx.now();
  return { id, now, until: new Date(now.getTime() + leaseMs) };
}

/** What a page answers and what it changes in the job. */
export interface PageResult<T> {
  value: T;
  change?: JobChange;
}

/** One process at work on one job. */
export class ErasureRun {
  readonly ctx: ErasureContext;
  readonly #leaseId: string;
  readonly #deadline: Date;
  #job: ErasureJob;

  constructor(ctx: ErasureContext, job: ErasureJob, o: { leaseId: string; deadline: Date }) {
    this.ctx = ctx;
    this.#job = job;
    this.#leaseId = o.leaseId;
    this.#deadline = o.deadline;
  }

  /** The job as this process last wrote it. */
  get job(): ErasureJob {
    return this.#job;
  }

  /** The lease from now on. */
  get lease(): Lease {
    return renewLease(this.ctx, this.#leaseId);
  }

  /** True from the late sweep on. */
  get isFinalStage(): boolean {
    return this.#job.provisionalAt !== null;
  }

  /**
   * The id of the user whose job this is.
   * @throws Error for a job that is final
   */
  get userId(): string {
    const { userId } = this.#job;
    if (userId === null) throw new Error("A final erasure knows its user no more");
    return userId;
  }

  /**
   * The pseudonym of this job.
   * @throws Error before the first step wrote it
   */
  get subject(): string {
    const { subject } = this.#job;
    if (subject === null) throw new Error("The erasure has no subject yet");
    return subject;
  }

  /**
   * One short transaction that counts only while this process holds the job. What `work` returns as
   * `change` is written with it, so that a page and the cursor behind it stand or fall together.
   * Never await the network in `work`.
   * @throws LeaseLostError; DeadlineReached when the time of this call is used up.
   */
  async page<T>(
    work: (sql: Transaction, scope: Scope) => Promise<PageResult<T>> | PageResult<T>,
  ): Promise<T> {
    if (this.ctx.now() >= this.#deadline) throw new DeadlineReached("The time is used up");
    const { job, value } = await this.ctx.database.asService(async (sql) => {
      const held = await holdErasure(sql, this.#job.erasureId, this.lease);
      const scope = await lockScope(sql, {
        userId: this.userId,
        personId: held.personId,
        subject: held.subject,
        organizations: held.organizations,
      });
      const { value, change } = await work(sql, scope);
      const job = change ? await holdErasure(sql, held.erasureId, this.lease, change) : held;
      return { job, value };
    });
    this.#job = job;
    return value;
  }

  /** Writes a change alone. */
  async save(change: JobChange): Promise<void> {
    await this.page(() => ({ value: undefined, change }));
  }

  /** Goes through parts in their order, beginning with the one the cursor names. */
  async *partsFromCursor<T extends { name: string }>(
    parts: readonly T[],
  ): AsyncGenerator<{ part: T; cursor: Cursor }> {
    const { cursor } = this.#job;
    const start = Math.max(0, parts.findIndex(({ name }) => name === cursor.part));
    for (const part of parts.slice(start)) {
      yield { part, cursor: part.name === cursor.part ? cursor : { part: part.name } };
    }
  }
}
