import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../context.ts";
import { withDatabase } from "../database.ts";
import { readDay, wholeNumber } from "../options.ts";
import { toJson, toTable } from "../output.ts";
import { formatShare, metrics, shareOf, type Stats } from "../stats/metrics.ts";
import { addDays, type Period, readStats } from "../stats/read-stats.ts";
import { writeReport } from "../stats/write-report.ts";

interface StatsOptions {
  json?: boolean;
  html?: string;
  from?: string;
  to?: string;
  days: number;
}

const mostDays = 1100;

const examples = `
Counted are the analytics events, by the drain, in days of UTC. The onboarding rate is the users who
were onboarded in the period for each who registered in it. Erased users stay counted without their ids.

Examples:
  $ heimdex stats
  $ heimdex stats --days 7 --json
  $ heimdex stats --from 2026-10-01 --to 2026-10-31 --html october.html`;

export function registerStats(program: Command, context: CliContext, finish: Finish): void {
  program.command("stats")
    .description("Shows registrations, onboarding, uploads, searches and erasures a day")
    .option("--days <count>", "so many days up to --to", wholeNumber(1, mostDays), 30)
    .option("--from <day>", "first day, instead of --days", readDay)
    .option("--to <day>", "last day; default: today", readDay)
    .option("--html <file>", "write a report with charts that needs nothing from elsewhere")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: StatsOptions) => finish(await showStats(context, options)));
}

async function showStats(context: CliContext, options: StatsOptions): Promise<ExitCode> {
  const period = choosePeriod(context, options);
  const stats = await withDatabase(context, (sql) => readStats(sql, period));
  if (options.html !== undefined) await saveReport(context, options.html, stats);
  context.out(options.json ? toJson(stats) : describe(stats));
  return exitCodes.ok;
}

function choosePeriod({ now }: CliContext, { from, to, days }: StatsOptions): Period {
  const last = to ?? now().toISOString().slice(0, 10);
  const period = { from: from ?? addDays(last, 1 - days), to: last };
  if (period.from > period.to || addDays(period.from, mostDays) <= period.to) {
    throw new CliError(
      exitCodes.usage,
      `Give a period that ends after it begins and has at most ${mostDays} days`,
    );
  }
  return period;
}

async function saveReport(context: CliContext, path: string, stats: Stats): Promise<void> {
  try {
    await writeFile(path, writeReport(stats, context.now()));
  } catch (cause) {
    throw new CliError(exitCodes.usage, `Cannot write "${path}": give a file that can be written`, {
      cause,
    });
  }
  context.err(`Report written to ${path}`);
}

function describe({ days, totals, onboarding_rate: rate, uncounted }: Stats): string {
  const rows = days.map((one) => ({
    day: one.day,
    ...Object.fromEntries(metrics.map(({ type }) => [type, one[type].events])),
    onboarding_rate: formatShare(shareOf(one.onboarded.events, one.registered.events)),
  }));
  const sums = { day: "all", ...totals, onboarding_rate: formatShare(rate) };
  const table = toTable([...rows, sums], "");
  return uncounted > 0
    ? `${table}\n${uncounted} newer events are counted by the next drain`
    : table;
}
