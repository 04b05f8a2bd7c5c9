import { createAuthAdmin } from "../auth-admin.ts";
import type { LegacyContext } from "../context.ts";
import { withSharedMoveLock } from "../cutover/lock.ts";
import {
  type Decision,
  loadDecisions,
  mergeDecisions,
  openDecisions,
  storeDecisions,
} from "../decisions.ts";
import { LegacyError } from "../errors.ts";
import { type Judge, openJudge } from "../plan/judge.ts";
import type { LegacyUser } from "../target.ts";
import { readUserPages } from "../users.ts";
import type { ExportFailure } from "./causes.ts";
import { Checkpoint } from "./checkpoint.ts";
import { chooseStep, type Step } from "./choose-step.ts";
import { type ErasureMemory, openErasureMemory } from "./erasure-memory.ts";
import { Gate } from "./gate.ts";
import { assertNotCutOver, checkProject } from "./preflight.ts";
import { runStep, type Sender } from "./run-step.ts";

export interface ExportOptions {
  /** Most requests to Supabase Auth at once, from 1. */
  concurrency: number;
  /** Beside and before the stored ones; a run that is not dry stores them. */
  decisions?: readonly Decision[];
  /** Leaves out users written earlier who are exported already and did not fail. */
  since?: Date;
  /** Decides and reports, but sends and writes nothing. */
  dryRun?: boolean;
  /** Told after each user: how many are done, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** Milliseconds without any answer after which the run ends; default 120,000. */
  silenceMs?: number;
  /** Milliseconds one request may take; default 15,000. */
  requestTimeoutMs?: number;
}

/** What a run did, or with `dryRun` would do; counts of legacy users. */
export interface ExportReport {
  dryRun: boolean;
  /** All that were looked at. */
  users: number;
  /** New accounts. */
  created: number;
  /** Accounts that got changed keys, a new address or a new password. */
  updated: number;
  /** Accounts that hold everything already. */
  unchanged: number;
  /** Deleted in Supabase Auth; they are not created anew. */
  gone: number;
  /** Left out by `since`. */
  skipped: number;
  failures: ExportFailure[];
  seconds: number;
}

/** Few enough to die young: what a garbage collector keeps twice, it keeps for long. */
const PAGE = 200;
const defaultSilenceMs = 120_000;

/**
 * Brings every legacy user to Supabase Auth: one account each, kept where linked, created with the
 * legacy id, password hash and confirmation where not; then only keys that differ are written. Pages
 * of users, so that memory stays flat; a checkpoint for each small batch, so that it can be killed
 * anywhere and run again. Until the cutover the legacy row is the truth. Changes no legacy table.
 * Source of the requests: supabase-auth-facts 3.2 to 3.4.
 * @throws LegacyError usage for wrong keys, refused after the cutover and while a load, a cutover or
 * a rollback is at work, outage when Supabase Auth is silent too long; what was done until then is
 * kept
 */
export async function exportUsers(ctx: LegacyContext, o: ExportOptions): Promise<ExportReport> {
  if (o.dryRun) return await exportAll(ctx, o);
  return await withSharedMoveLock(ctx.sql, () => exportAll(ctx, o));
}

async function exportAll(ctx: LegacyContext, o: ExportOptions): Promise<ExportReport> {
  const { sql, deps: { env } } = ctx;
  await assertNotCutOver(ctx);
  const auth = createAuthAdmin({
    ...env,
    ...(o.requestTimeoutMs === undefined ? {} : { timeoutMs: o.requestTimeoutMs }),
  });
  await checkProject(sql, auth);
  const given = o.decisions ?? [];
  const book = openDecisions(mergeDecisions(await loadDecisions(sql), given));
  const judge = await openJudge(ctx, book);
  if (!o.dryRun) await storeDecisions(sql, given);
  const run = new Run(ctx, o, {
    sender: {
      sql,
      auth,
      gate: new Gate({ concurrency: o.concurrency, silenceMs: o.silenceMs ?? defaultSilenceMs }),
    },
    judge,
    remember: await openErasureMemory(sql, env.pseudonymKey),
    total: await countUsers(ctx),
  });
  return await run.finish();
}

interface RunParts {
  sender: Sender;
  judge: Judge;
  remember: ErasureMemory;
  total: number;
}

interface Job {
  user: LegacyUser;
  step: Step;
  /** Whether the id map has the user already. */
  isKnown: boolean;
}

/** One run of the export: a reader ahead of some workers, and the checkpoint behind them. */
class Run {
  readonly #ctx: LegacyContext;
  readonly #options: ExportOptions;
  readonly #parts: RunParts;
  readonly #checkpoint: Checkpoint;
  readonly #report: ExportReport;
  readonly #startedAt = performance.now();

  constructor(ctx: LegacyContext, options: ExportOptions, parts: RunParts) {
    this.#ctx = ctx;
    this.#options = options;
    this.#parts = parts;
    this.#checkpoint = new Checkpoint(ctx.sql);
    this.#report = {
      dryRun: options.dryRun ?? false,
      users: 0,
      created: 0,
      updated: 0,
      unchanged: 0,
      gone: 0,
      skipped: 0,
      failures: [],
      seconds: 0,
    };
  }

  async finish(): Promise<ExportReport> {
    const jobs = this.#readJobs();
    const workers = Array.from({ length: this.#options.concurrency }, () => this.#work(jobs));
    const ended = await Promise.allSettled(workers);
    this.#report.failures.push(...await this.#checkpoint.flush());
    const fault = ended.find((one) => one.status === "rejected");
    if (fault) throw this.#explain(fault.reason);
    this.#report.seconds = (performance.now() - this.#startedAt) / 1000;
    return this.#report;
  }

  async #work(jobs: AsyncGenerator<Job>): Promise<void> {
    try {
      for (let next = await jobs.next(); !next.done; next = await jobs.next()) {
        await this.#settle(next.value);
      }
    } catch (error) {
      // The others must not go on sending for minutes what this one has found out.
      this.#parts.sender.gate.stop(error instanceof Error ? error : new Error(String(error)));
      await jobs.return(undefined);
      throw error;
    }
  }

  async #settle({ user, step, isKnown }: Job): Promise<void> {
    const isToSend = step.kind === "create" || step.kind === "update";
    const failure = step.kind === "fail"
      ? step.failure
      : isToSend && !this.#report.dryRun
      ? await runStep(this.#parts.sender, step)
      : undefined;
    this.#count(step, failure);
    if (this.#report.dryRun) return;
    if (failure) await this.#checkpoint.add({ user, failure });
    else if (isKnown && !isToSend) await this.#checkpoint.add({ user, seen: true });
    else if (step.kind !== "fail") await this.#checkpoint.add({ user, target: step.target });
  }

  #count(step: Step, failure: ExportFailure | undefined): void {
    const report = this.#report;
    if (failure) report.failures.push(failure);
    else if (step.kind === "create") report.created++;
    else if (step.kind === "update") report.updated++;
    else if (step.kind === "same") report.unchanged++;
    else report.gone++;
    this.#advance();
  }

  #advance(): void {
    this.#report.users++;
    this.#options.onProgress?.(this.#report.users, this.#parts.total);
  }

  async *#readJobs(): AsyncGenerator<Job> {
    for await (const page of readAhead(this.#judgePages())) {
      for (const job of page) yield job;
    }
  }

  async *#judgePages(): AsyncGenerator<Job[]> {
    for await (const users of readAhead(readUserPages(this.#ctx.source.sql, { pageSize: PAGE }))) {
      yield await this.#judge(users);
    }
  }

  async #judge(users: LegacyUser[]): Promise<Job[]> {
    const { judge, remember } = this.#parts;
    const { since } = this.#options;
    const judgements = await remember(await judge.page(users));
    const failed = since ? await this.#readFailed(users) : new Set<string>();
    return judgements.flatMap((judgement): Job[] => {
      const { user, exported } = judgement;
      const isDone = exported && !failed.has(user.userId);
      if (!since || !isDone || user.updatedAt >= since) {
        return [{ user, step: chooseStep(judgement), isKnown: exported !== undefined }];
      }
      this.#report.skipped++;
      this.#advance();
      return [];
    });
  }

  async #readFailed(users: LegacyUser[]): Promise<Set<string>> {
    const rows = await this.#ctx.sql<{ id: string }[]>`
      select legacy_user_id as id from private.legacy_failures
      where legacy_user_id = any(${users.map(({ userId }) => userId)}::uuid[])`;
    return new Set(rows.map(({ id }) => id));
  }

  #explain(reason: unknown): unknown {
    if (!(reason instanceof LegacyError)) return reason;
    const { users } = this.#report;
    return new LegacyError(
      reason.kind,
      `${reason.message}. ${users} of ${this.#parts.total} legacy users are done: ` +
        "run the same command again to go on",
      { cause: reason },
    );
  }
}

async function countUsers({ source }: LegacyContext): Promise<number> {
  const [row] = await source.sql<{ users: number }[]>`
    select count(*)::int as users from public.users`;
  return row?.users ?? 0;
}

/** Asks for the next item while the present one is worked on. */
async function* readAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = () => {
    const next = iterator.next();
    // It is awaited a round later: until then its failure is nobody's fault yet.
    next.catch(() => {});
    return next;
  };
  for (let next = ask();;) {
    const item = await next;
    if (item.done) return;
    next = ask();
    yield item.value;
  }
}
