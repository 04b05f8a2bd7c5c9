import type { Command } from "commander";
import {
  assertUsers,
  findOrphans,
  type Orphan,
  type OrphanReport,
} from "../../../shared/erasure/orphans.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDeps } from "../../deps.ts";
import { nounOf } from "../../noun.ts";
import { toJson, toTable } from "../../output.ts";
import { orphansNoun } from "./noun.ts";
import { explainRefusal, minAgeOption } from "./options.ts";

interface ListOptions {
  json?: boolean;
  minAge: number;
}

const examples = `
Examples:
  $ heimdex orphans list
  $ heimdex orphans list --min-age 1 --json`;

export function registerOrphansList(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...orphansNoun)
    .command("list")
    .description("Finds rows and stored objects of users who have no account any more")
    .addOption(minAgeOption())
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: ListOptions) => finish(await listOrphans(context, options)));
}

async function listOrphans(context: CliContext, options: ListOptions): Promise<ExitCode> {
  const report = await explainRefusal(withDeps(context, async (deps) => {
    const found = await findOrphans(deps, { minAgeSeconds: options.minAge * 3600 });
    assertUsers(found);
    return found;
  }));
  context.out(options.json ? toJson(toDocument(report)) : describe(report));
  return exitCodes.ok;
}

/** A report as `--json` writes it. */
export function toDocument({ users, orphans, tooYoung }: OrphanReport): Record<string, unknown> {
  return { users, orphans: orphans.map(toLine), too_young: tooYoung };
}

function toLine({ userId, where, newest }: Orphan): Record<string, unknown> {
  return { user_id: userId, newest, where };
}

/** A report in words. */
export function describe({ users, orphans, tooYoung }: OrphanReport): string {
  const lines = orphans.map(({ userId, where, newest }) => ({
    user_id: userId,
    newest,
    where: where.join(" "),
  }));
  return [
    toTable(lines, "No orphans"),
    `${orphans.length} orphans beside ${users} users, ${tooYoung} more younger or under way`,
  ].join("\n");
}
