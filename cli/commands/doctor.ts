import { type Command, Option } from "commander";
import { paint } from "../colour.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../context.ts";
import { withDatabase } from "../database.ts";
import { createDoctorContext, type Stage } from "../doctor/context.ts";
import { checks } from "../doctor/checks.ts";
import { type Result, runChecks } from "../doctor/run-checks.ts";
import { UnavailableError } from "../doctor/unavailable.ts";
import { oneOf } from "../options.ts";
import { toJson, toPlainLine } from "../output.ts";

interface DoctorOptions {
  json?: boolean;
  only?: string[];
  probe?: boolean;
  explain?: boolean;
}

const ids = checks.map(({ id }) => id);

const examples = `
It reads and changes nothing. With --probe it creates a user, signs in and deletes the user again:
that user is then erased like any other, with receipts.

Environment:
  DATABASE_URL, and for what is not in the database SUPABASE_URL and the settings of the functions.
  SUPABASE_ACCESS_TOKEN: a personal access token, for what only the hosted platform knows.
  What is missing is told as "not checked" with the reason.

Checks:
  ${ids.join("\n  ")}

Examples:
  $ heimdex doctor
  $ heimdex doctor --probe --json
  $ heimdex doctor --only drain --only buckets
  $ heimdex doctor --explain`;

export function registerDoctor(program: Command, context: CliContext, finish: Finish): void {
  program.command("doctor")
    .description("Examines a project and says what is wrong, why it matters and how to mend it")
    .addOption(
      new Option("--only <check>", "only this check; may be given several times").argParser(
        oneOf(ids),
      ),
    )
    .option("--probe", "also sign in a throwaway user, who is deleted again")
    .option("--explain", "say what each check looks at, and check nothing")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: DoctorOptions) => finish(await examine(context, options)));
}

async function examine(context: CliContext, options: DoctorOptions): Promise<ExitCode> {
  const chosen = checks.filter(({ id }) => options.only?.includes(id) ?? true);
  if (options.explain) {
    const lines = chosen.map(({ id, looks, why, mend }) => ({ id, looked_at: looks, why, mend }));
    context.out(
      options.json ? toJson(lines) : lines.map((line) => explain(context, line)).join("\n\n"),
    );
    return exitCodes.ok;
  }
  const { stage, results } = await withDatabase(context, async (sql) => {
    const doctor = await createDoctorContext(context, { sql, probe: options.probe ?? false });
    try {
      return { stage: doctor.stage, results: await runChecks(doctor, chosen) };
    } finally {
      await doctor.close().catch((error) => {
        if (!(error instanceof UnavailableError)) throw error;
        context.err(error.message);
      });
    }
  });
  context.out(
    options.json ? toJson({ stage, checks: results }) : describe(context, stage, results),
  );
  const isIll = results.some(({ status }) => status === "finding");
  return isIll ? exitCodes.overThreshold : exitCodes.ok;
}

function explain(
  context: CliContext,
  line: Pick<Result, "id" | "looked_at" | "why" | "mend">,
): string {
  return [
    paint(context, "bold", line.id),
    `  looks at  ${line.looked_at}`,
    `  why       ${line.why}`,
    `  mend      ${line.mend}`,
  ].join("\n");
}

function describe(context: CliContext, stage: Stage, results: Result[]): string {
  const count = (status: Result["status"]) =>
    results.filter((result) => result.status === status).length;
  return [
    ...results.map((result) => describeResult(context, result)),
    `Checks (${stage}): ${results.length}; fine: ${count("fine")}; with findings: ${
      count("finding")
    }; not checked: ${count("not_checked")}`,
  ].join("\n");
}

const marks = {
  fine: ["green", "fine"],
  finding: ["red", "FINDING"],
  not_checked: ["yellow", "not checked"],
} as const;

function describeResult(context: CliContext, result: Result): string {
  const [colour, word] = marks[result.status];
  const head = `${paint(context, colour, word.padEnd(12))}${paint(context, "bold", result.id)}`;
  if (result.status === "fine") return `${head}: ${result.looked_at}`;
  if (result.not_checked !== null) return `${head}: ${result.not_checked}`;
  return [
    `${head}: ${result.looked_at}`,
    ...result.findings.map((finding) => `    - ${toPlainLine(finding)}`),
    `    why   ${result.why}`,
    `    mend  ${result.mend}`,
  ].join("\n");
}
