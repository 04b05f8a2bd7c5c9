import type { Command } from "commander";
import {
  assertWithinLimits,
  eraseOrphans,
  findOrphans,
  type OrphanReport,
  type SweepLimits,
} from "../../../shared/erasure/orphans.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withErasures } from "../../deps.ts";
import { nounOf } from "../../noun.ts";
import { collect, wholeNumber } from "../../options.ts";
import { toJson } from "../../output.ts";
import { describe, toDocument } from "./list.ts";
import { orphansNoun } from "./noun.ts";
import { explainRefusal, minAgeOption } from "./options.ts";

interface EraseOptions {
  json?: boolean;
  minAge: number;
  maxCount: number;
  maxShare: number;
  user?: string[];
  yes?: boolean;
}

const examples = `
Without --yes nothing is erased: the command shows what it would do. Each orphan is erased by the
same job as any other user, with receipts; the drain or heimdex erasure run runs it.

Exit codes:
  0 fine   2 wrong usage   3 a part of the platform is away   4 refused: a cap, or no users at all

Examples:
  $ heimdex orphans erase
  $ heimdex orphans erase --yes
  $ heimdex orphans erase --user 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a --yes
  $ heimdex orphans erase --max-count 500 --max-share 10 --yes --json`;

export function registerOrphansErase(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...orphansNoun)
    .command("erase")
    .description("Asks for the erasure of users who have no account any more")
    .option("--yes", "really do it")
    .option("--user <id>", "only this orphan; may be given several times", collect)
    .option("--max-count <count>", "refuse beyond this many", wholeNumber(0, 1_000_000), 100)
    .option("--max-share <percent>", "refuse beyond this part of the users", wholeNumber(0, 100), 5)
    .addOption(minAgeOption())
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: EraseOptions) => finish(await sweep(context, options)));
}

async function sweep(context: CliContext, options: EraseOptions): Promise<ExitCode> {
  const limits: SweepLimits = {
    maxCount: options.maxCount,
    maxShare: options.maxShare / 100,
  };
  return await explainRefusal(withErasures(context, async (ctx) => {
    const found = await findOrphans(ctx, { minAgeSeconds: options.minAge * 3600 });
    const report = options.user ? pickUsers(found, options.user) : found;
    assertWithinLimits(report, limits);
    const erasures = options.yes ? await eraseOrphans(ctx, report, limits) : [];
    const ids = erasures.map(({ erasureId }) => erasureId);
    context.out(
      options.json
        ? toJson({ ...toDocument(report), dry_run: !options.yes, erasures: ids })
        : [describe(report), describeOutcome(options, ids.length)].join("\n"),
    );
    return exitCodes.ok;
  }));
}

function pickUsers(report: OrphanReport, users: string[]): OrphanReport {
  const wanted = new Set(users.map((id) => id.toLowerCase()));
  const orphans = report.orphans.filter(({ userId }) => wanted.has(userId));
  const [missing] = [...wanted].filter((id) => !orphans.some(({ userId }) => userId === id));
  if (missing !== undefined) {
    throw new CliError(exitCodes.usage, `"${missing}" is no orphan: see heimdex orphans list`);
  }
  return { ...report, orphans };
}

function describeOutcome({ yes }: EraseOptions, count: number): string {
  return yes
    ? `Erasures asked for: ${count}; the drain runs them`
    : "Nothing was erased: give --yes to do it";
}
