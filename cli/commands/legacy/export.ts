import type { Command } from "commander";
import { type ExportReport, exportUsers } from "../../../shared/legacy/export/export-users.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { readDecisionsFile } from "../../legacy/decisions-file.ts";
import { assertDirect } from "../../legacy/move-context.ts";
import { withLegacy } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { readTime, wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { startProgress } from "../../progress.ts";
import { legacyNoun } from "./noun.ts";

interface ExportCommandOptions {
  decisions?: string;
  concurrency: number;
  since?: Date;
  dryRun?: boolean;
  json?: boolean;
}

const examples = `
Each legacy user gets one account in Supabase Auth: the linked one, or a new one under the legacy id
with the same password. Only what differs is written, so that it can be stopped or killed anywhere
and run again. Until the cutover the legacy row is the truth. Progress goes to standard error.
Decide first what heimdex legacy plan asks for: users with an open question fail here.

Needs the environment of the functions, with a direct connection in DATABASE_URL, no pooler's, and
LEGACY_DATABASE_URL where the legacy database is another.

Exit codes:
  0 every user is there   1 some failed: the report says why and what to do   2 wrong usage or keys
  3 Supabase Auth or a database does not answer: run it again
  4 refused, also while a load, a cutover or a rollback is at work

Examples:
  $ heimdex legacy export --dry-run
  $ heimdex legacy export --decisions decisions.json --concurrency 16
  $ heimdex legacy export --since 2026-11-22T20:00:00Z --json`;

export function registerLegacyExport(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("export")
    .description("Brings every legacy user to Supabase Auth; resumes where it was stopped")
    .option("--concurrency <count>", "requests at once, at most", wholeNumber(1, 200), 16)
    .option("--decisions <file>", "store the decisions of this file and heed them")
    .option("--since <time>", "only users written since, new and failed ones too", readTime)
    .option("--dry-run", "say what would be done and change nothing")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: ExportCommandOptions) => finish(await runExport(context, options)));
}

async function runExport(context: CliContext, options: ExportCommandOptions): Promise<ExitCode> {
  const { json, dryRun = false, concurrency, since } = options;
  if (!dryRun) assertDirect(context);
  const decisions = options.decisions === undefined
    ? []
    : await readDecisionsFile(options.decisions);
  const report = await withLegacy(context, async (legacy) => {
    const progress = startProgress(context, { title: "Export", total: 0, unit: "users", json });
    try {
      return await exportUsers(legacy, {
        concurrency,
        dryRun,
        decisions,
        ...(since ? { since } : {}),
        onProgress: (done, total) => progress.update(done, total),
      });
    } finally {
      progress.stop();
    }
  });
  context.out(json ? toJson(toDocument(report)) : describe(report));
  return report.failures.length > 0 ? exitCodes.overThreshold : exitCodes.ok;
}

function toDocument(report: ExportReport): Record<string, unknown> {
  const { dryRun, failures, seconds, ...counts } = report;
  return {
    dry_run: dryRun,
    ...counts,
    failed: failures.length,
    seconds: Number(seconds.toFixed(3)),
    failures: failures.map(({ legacyUserId, cause, detail }) => ({
      legacy_user_id: legacyUserId,
      cause,
      detail,
    })),
  };
}

function describe(report: ExportReport): string {
  const { dryRun, users, created, updated, unchanged, gone, skipped, failures, seconds } = report;
  const verb = dryRun ? "Would export" : "Exported";
  const pace = dryRun || seconds === 0 ? "" : `, ${Math.round(users / seconds)} users/s`;
  const lines = [
    `${verb} ${users} legacy users in ${seconds.toFixed(1)} s${pace}: ${created} created, ` +
    `${updated} updated, ${unchanged} unchanged, ${gone} deleted in Supabase Auth, ` +
    `${skipped} skipped, ${failures.length} failed`,
  ];
  if (failures.length > 0) {
    const rows = failures.map(({ legacyUserId, cause, detail }) => ({
      legacy_user_id: legacyUserId,
      cause,
      what_to_do: detail,
    }));
    lines.push("", toTable(rows, ""));
  } else if (!dryRun) lines.push("Next: heimdex legacy verify");
  return lines.join("\n");
}
