import type { Command } from "commander";
import type { ErasureContext, ErasurePoint } from "../../../shared/erasure/context.ts";
import { runDueErasures, runErasure } from "../../../shared/erasure/engine.ts";
import type { Erasure } from "../../../shared/erasure/erasure.ts";
import { readErasure } from "../../../shared/erasure/store.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson } from "../../output.ts";
import { parseErasureId } from "./erasure-id.ts";
import { erasureNoun } from "./noun.ts";
import { withOperator } from "./with-operator.ts";

interface RunOptions {
  json?: boolean;
  timeout: number;
}

const examples = `
Progress goes to standard error, one line a step. Without an id everything that is due is run, late
sweeps and scheduled accounts included.

Exit codes:
  0 done   1 not done in time, or failed   2 wrong usage   3 a part of the platform is away

Examples:
  $ heimdex erasure run
  $ heimdex erasure run 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a
  $ heimdex erasure run --timeout 60 --json`;

export function registerErasureRun(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...erasureNoun)
    .command("run")
    .argument("[id]", "UUID of an erasure; default: all that are due")
    .description("Runs erasures in this process instead of waiting for the drain")
    .option("--timeout <seconds>", "begin nothing after it", wholeNumber(1, 86_400), 3600)
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (id: string | undefined, options: RunOptions) =>
      finish(
        await (id === undefined ? runDue(context, options) : runOne(context, id, options)),
      )
    );
}

async function runDue(context: CliContext, options: RunOptions): Promise<ExitCode> {
  const result = await withOperator(
    context,
    (ctx) => runDueErasures(withProgress(context, ctx), deadlineOf(context, options)),
  );
  const { ran, provisional, final, failed } = result;
  context.out(
    options.json
      ? toJson(result)
      : `Erasures run: ${ran}, provisional ${provisional}, final ${final}, failed ${failed}`,
  );
  return failed > 0 ? exitCodes.overThreshold : exitCodes.ok;
}

async function runOne(context: CliContext, id: string, options: RunOptions): Promise<ExitCode> {
  const erasureId = parseErasureId(id);
  const erasure = await withOperator(context, async (ctx) => {
    assertRunnable(await ctx.database.asService((sql) => readErasure(sql, erasureId)));
    return await runErasure(withProgress(context, ctx), erasureId, deadlineOf(context, options));
  });
  context.out(options.json ? toJson(toLine(erasure)) : describe(erasure));
  const done = erasure.state === "provisional" || erasure.state === "final";
  return done ? exitCodes.ok : exitCodes.overThreshold;
}

/** What to do with an erasure that a run would leave as it is. */
function assertRunnable({ erasureId, state, effectiveAt }: Erasure): void {
  const advice: Partial<Record<typeof state, string>> = {
    held: `is held: release it first with heimdex erasure release ${erasureId}`,
    dead: `gave up: begin again with heimdex erasure retry ${erasureId}`,
    cancelled: "was cancelled: nothing is to be erased",
    scheduled: `is scheduled for ${effectiveAt.toISOString()}: heimdex erasure run takes it then`,
  };
  const sentence = advice[state];
  if (sentence) throw new CliError(exitCodes.usage, `Erasure ${erasureId} ${sentence}`);
}

function deadlineOf(context: CliContext, { timeout }: RunOptions): Date {
  return new Date(context.now().getTime() + timeout * 1000);
}

function withProgress(context: CliContext, ctx: ErasureContext): ErasureContext {
  let started = performance.now();
  return {
    ...ctx,
    onPoint: (point: ErasurePoint, erasureId: string) => {
      const [when, step = ""] = point.split(":");
      if (when === "before") started = performance.now();
      else {context.err(
          `${erasureId}  ${step.padEnd(10)} ${Math.round(performance.now() - started)} ms`,
        );}
    },
  };
}

function toLine(erasure: Erasure): Record<string, unknown> {
  const { erasureId, state, step, lateSweepAt, lastError, erased } = erasure;
  return {
    erasure_id: erasureId,
    state,
    step,
    late_sweep_at: lateSweepAt,
    last_error: lastError,
    erased,
  };
}

function describe({ erasureId, state, step, lateSweepAt }: Erasure): string {
  if (state === "final") return `Erasure ${erasureId} is final`;
  if (state === "provisional") {
    return `Erasure ${erasureId} is provisional, late sweep at ${lateSweepAt?.toISOString()}`;
  }
  return `Erasure ${erasureId} is ${state} at step ${step ?? "-"}: the next run goes on`;
}
