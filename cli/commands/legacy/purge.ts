import type { Command } from "commander";
import { previewPurge, purge, type PurgeReport } from "../../../shared/legacy/purge/purge.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { assertDirect } from "../../legacy/move-context.ts";
import { withLegacyDatabases } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { toJson } from "../../output.ts";
import { legacyNoun } from "./noun.ts";

interface PurgeCommandOptions {
  json?: boolean;
  yes?: boolean;
}

const epilogue = `
Deletes legacy_archive (users with their password hashes, refresh tokens, verification tokens) and the
map of ids. That cannot be undone, and there is no rollback afterwards: keep the archive until the
cutover has proved itself. Refused while objects still lie under keys of legacy users.

Needs a direct connection in DATABASE_URL, no pooler's.

Exit codes:
  0 done, or done before   2 wrong usage, or --yes is missing
  3 the database does not answer   4 refused: nothing was purged

Examples:
  $ heimdex legacy purge
  $ heimdex legacy purge --yes`;

export function registerLegacyPurge(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("purge")
    .description("Deletes the archive of the former system for good")
    .option("--yes", "really delete it")
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (options: PurgeCommandOptions) => finish(await runPurge(context, options)));
}

async function runPurge(
  context: CliContext,
  { json, yes }: PurgeCommandOptions,
): Promise<ExitCode> {
  assertDirect(context);
  const report = await withLegacyDatabases(context, async ({ sql }) => {
    if (yes) return await purge(sql);
    const { users, tables } = await previewPurge(sql);
    throw new CliError(
      exitCodes.usage,
      `The archive holds ${users} users in ${tables.length} tables and cannot be brought back: ` +
        "say --yes to delete it. Nothing was purged",
    );
  }, { check: false });
  context.out(json ? toJson(toDocument(report)) : describe(report));
  return exitCodes.ok;
}

function toDocument({ purgedAt, dropped }: PurgeReport) {
  return { purged_at: purgedAt.toISOString(), dropped };
}

function describe({ purgedAt, dropped }: PurgeReport): string {
  return dropped.length > 0
    ? `Purged ${dropped.length} tables of the legacy system: ${dropped.join(", ")}`
    : `The archive was purged at ${purgedAt.toISOString()}: nothing is left to delete`;
}
