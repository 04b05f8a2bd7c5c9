import type { Command } from "commander";
import { paint } from "../colour.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../context.ts";
import { withDatabase } from "../database.ts";
import { wholeNumber } from "../options.ts";
import { toJson } from "../output.ts";
import { readStatus, type Status } from "../status/read-status.ts";
import { type Excess, findExcesses, type Threshold, thresholds } from "../status/thresholds.ts";

/** `json`, and the bounds by their option in camel case. */
type StatusOptions = { json?: boolean } & Record<string, number | boolean | undefined>;

const bounds = { seconds: 31_536_000, count: 1_000_000 } as const;

const examples = `
Over one threshold the exit code is 1, so that a monitor can call it as it is.

Examples:
  $ heimdex status
  $ heimdex status --json --max-age 60 --max-orphans 5
  $ heimdex status > status.txt || mail -s "Heimdex needs a look" ops@example.test < status.txt`;

export function registerStatus(program: Command, context: CliContext, finish: Finish): void {
  const command = program.command("status")
    .description("Shows users, organisations, videos, jobs, the outbox, erasures and orphans")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: StatusOptions) => finish(await showStatus(context, options)));
  for (const { option, unit, what, standard } of thresholds) {
    command.option(`--${option} <${unit}>`, what, wholeNumber(0, bounds[unit]), standard);
  }
}

async function showStatus(context: CliContext, options: StatusOptions): Promise<ExitCode> {
  const status = await withDatabase(context, readStatus);
  const over = findExcesses(status, boundsOf(options));
  context.out(options.json ? toJson({ ...status, over }) : describe(context, status, over));
  return over.length > 0 ? exitCodes.overThreshold : exitCodes.ok;
}

function boundsOf(options: StatusOptions): Record<string, number> {
  return Object.fromEntries(thresholds.flatMap(({ option }) => {
    const given = options[toCamelCase(option)];
    return typeof given === "number" ? [[option, given]] : [];
  }));
}

/** How commander names the value of an option. */
function toCamelCase(option: Threshold["option"]): string {
  return option.replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

/** Of the column with the names. */
const width = 15;

function describe(context: CliContext, status: Status, over: Excess[]): string {
  const { users, organizations, videos, jobs, outbox, erasures, orphans, drain } = status;
  const lines = [
    ["users", `${users.total}, ${users.onboarded} onboarded`],
    [
      "organisations",
      `${organizations.total}, ${organizations.without_admin} without an admin`,
    ],
    ["videos", listStates(videos)],
    ["jobs", `${listStates(jobs.states)}; longest due ${jobs.oldest_seconds} s`],
    [
      "outbox",
      `${outbox.pending} waiting, oldest ${outbox.oldest_seconds} s, ${outbox.dead} dead`,
    ],
    ["erasures", `${listStates(erasures.states)}; longest due ${erasures.oldest_seconds} s`],
    ["orphans", describeCount(orphans)],
    ["drain", describeDrain(drain)],
  ].map(([name = "", text]) => `${paint(context, "bold", name.padEnd(width))}${text}`);
  const excesses = over.map(({ option, what, value, max }) =>
    `${paint(context, "red", "over".padEnd(width))}${what}: ${value}, at most ${max} (${option})`
  );
  return [...lines, ...excesses].join("\n");
}

function listStates(states: Record<string, number>): string {
  return Object.entries(states).map(([state, count]) => `${count} ${state}`).join(", ") || "none";
}

function describeCount(count: Status["orphans"]): string {
  if (!count) return "not counted yet";
  const hours = Math.floor(count.counted_seconds / 3600);
  const found = count.orphans === null
    ? "not known before the former users are moved"
    : `${count.orphans} beside ${count.users} users`;
  return `${found}, counted ${hours} h ago`;
}

function describeDrain({ finished_seconds: seconds }: Status["drain"]): string {
  return seconds === null ? "never came to its end" : `came to its end ${seconds} s ago`;
}
