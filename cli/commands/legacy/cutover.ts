import type { Command } from "commander";
import {
  cutOver,
  type CutoverPhase,
  type CutoverReport,
} from "../../../shared/legacy/cutover/cutover.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { databaseUrl } from "../../database.ts";
import { createMoveContext, describeObjects, toObjects } from "../../legacy/move-context.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson } from "../../output.ts";
import { type Progress, startProgress } from "../../progress.ts";
import { pushMigrations } from "../../push-migrations.ts";
import { withLegacy } from "../../legacy/with-legacy.ts";
import { legacyNoun } from "./noun.ts";

interface CutoverCommandOptions {
  batch: number;
  concurrency: number;
  json?: boolean;
}

const epilogue = `
Needs a passing "heimdex legacy verify" since the last write of the legacy application, so stop that
one first. Fills the new owners in batches, pushes the migration that removes the users tables, moves
the objects whose keys carry a legacy id, and lets the erasures begin that were held for it. It can be
killed anywhere and run again, and it takes up a removal that "supabase db push" made alone.

Needs the environment of the functions and a direct connection in DATABASE_URL, no pooler's.

Exit codes:
  0 done   1 some objects could not be moved   2 wrong usage
  3 a part of the platform does not answer: run it again   4 refused: nothing was removed

Examples:
  $ heimdex legacy cutover
  $ heimdex legacy cutover --batch 20000 --json`;

export function registerLegacyCutover(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("cutover")
    .description("Makes Supabase Auth the only store of users; resumes where it was stopped")
    .option("--batch <rows>", "rows filled in one transaction", wholeNumber(1, 1_000_000), 2000)
    .option("--concurrency <count>", "objects copied at once", wholeNumber(1, 64), 8)
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (options: CutoverCommandOptions) => finish(await runCutover(context, options)));
}

async function runCutover(context: CliContext, options: CutoverCommandOptions): Promise<ExitCode> {
  const { batch, concurrency, json } = options;
  const shown = showPhases(context, json);
  try {
    const report = await withLegacy(
      context,
      (legacy) =>
        cutOver(createMoveContext(context, legacy), {
          push: () => pushMigrations(databaseUrl(context)),
          batchRows: batch,
          concurrency,
          onProgress: shown.onProgress,
        }),
      { check: false },
    );
    context.out(json ? toJson(toDocument(report)) : describe(report));
    return report.objects.failed.length > 0 ? exitCodes.overThreshold : exitCodes.ok;
  } finally {
    shown.stop();
  }
}

const titles: Record<CutoverPhase, { title: string; unit: string }> = {
  fill: { title: "Fill owners", unit: "rows" },
  indexes: { title: "Build indexes", unit: "steps" },
  push: { title: "Push", unit: "steps" },
  objects: { title: "Move objects", unit: "objects" },
};

/** One display after the other. */
function showPhases(context: CliContext, json: boolean | undefined) {
  let current: { phase: CutoverPhase; progress: Progress } | undefined;
  return {
    onProgress(phase: CutoverPhase, done: number, total: number) {
      if (current?.phase !== phase) {
        current?.progress.stop();
        current = { phase, progress: startProgress(context, { ...titles[phase], total, json }) };
      }
      current.progress.update(done, Math.max(done, total));
    },
    stop: () => current?.progress.stop(),
  };
}

function toDocument({ removed, users, fill, objects, erasures }: CutoverReport) {
  return {
    removed,
    users,
    filled: fill ? { rows_read: fill.readRows, rows_changed: fill.changedRows } : null,
    objects: toObjects(objects),
    erasures,
  };
}

function describe({ removed, users, fill, objects, erasures }: CutoverReport): string {
  const lines = [
    removed
      ? `Removed the users tables: ${users} legacy users are in Supabase Auth alone`
      : `The users tables were removed before: ${users} legacy users are in Supabase Auth alone`,
    ...fill ? [`Filled ${fill.changedRows} of ${fill.readRows} rows`] : [],
    ...describeObjects(objects),
    ...erasures.released > 0
      ? [`Erasures released: ${erasures.released}; the next "heimdex erasure run" takes them`]
      : [],
    ...erasures.held > 0 ? [`Erasures still held: ${erasures.held}; see heimdex erasure list`] : [],
  ];
  return lines.join("\n");
}
