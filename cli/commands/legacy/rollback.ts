import type { Command } from "commander";
import { rollBack, type RollbackReport } from "../../../shared/legacy/rollback/rollback.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { createMoveContext, describeObjects, toObjects } from "../../legacy/move-context.ts";
import { withLegacy } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson } from "../../output.ts";
import { startProgress } from "../../progress.ts";
import { listMigrationVersions } from "../../push-migrations.ts";
import { legacyNoun } from "./noun.ts";

interface RollbackCommandOptions {
  concurrency: number;
  json?: boolean;
  yes?: boolean;
}

const epilogue = `
Gives the project back to the legacy application, from whatever state the move is in. Objects get
their old keys, rows their old owners, the users tables come back out of the archive, and the removal
is taken out of the migration history. Who registered since gets a users row without a password; who
was erased stays erased. What users changed in their profile since the cutover stays in Supabase Auth.
The accounts there stay as well, so that export, verify and cutover can be run again.
It can be killed anywhere and run again. After "heimdex legacy purge" there is no way back.

Needs the environment of the functions and a direct connection in DATABASE_URL, no pooler's.

Exit codes:
  0 done   2 wrong usage   3 a part of the platform does not answer: run it again   4 refused

Examples:
  $ heimdex legacy rollback --yes
  $ heimdex legacy rollback --yes --json`;

export function registerLegacyRollback(
  program: Command,
  context: CliContext,
  finish: Finish,
): void {
  nounOf(program, ...legacyNoun)
    .command("rollback")
    .description("Gives the project back to the legacy application; resumes where it was stopped")
    .option("--concurrency <count>", "objects copied at once", wholeNumber(1, 64), 8)
    .option("--yes", "really roll back")
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (options: RollbackCommandOptions) => finish(await runRollback(context, options)));
}

async function runRollback(
  context: CliContext,
  { concurrency, json, yes }: RollbackCommandOptions,
): Promise<ExitCode> {
  if (!yes) {
    throw new CliError(
      exitCodes.usage,
      "A rollback takes the project from Supabase Auth back to the legacy users: say --yes to do it. " +
        "Nothing was changed",
    );
  }
  const knownVersions = await listMigrationVersions();
  const progress = startProgress(context, {
    title: "Move objects back",
    total: 0,
    unit: "objects",
    json,
  });
  try {
    const report = await withLegacy(
      context,
      (legacy) =>
        rollBack(createMoveContext(context, legacy), {
          knownVersions,
          concurrency,
          onProgress: (done, total) => progress.update(done, total),
        }),
      { check: false },
    );
    context.out(json ? toJson(toDocument(report)) : describe(report));
    return exitCodes.ok;
  } finally {
    progress.stop();
  }
}

function toDocument({ from, accounts, objects, users, tables }: RollbackReport) {
  return {
    from,
    accounts_kept: accounts,
    objects: objects ? toObjects(objects) : null,
    users: users ? { added: users.added, without_email: users.withoutEmail } : null,
    unvalidated_keys: tables?.unvalidated ?? [],
    videos_without_owner: tables?.unowned ?? false,
  };
}

function describe({ from, accounts, objects, users, tables }: RollbackReport): string {
  const lines = [
    from === "removed"
      ? "The users tables are back, and every row has its legacy owner"
      : "The users tables were there: what was prepared for the cutover is taken away",
    ...objects ? describeObjects(objects) : [],
    ...users ? [describeUsers(users)] : [],
    ...(tables?.unvalidated ?? []).map((table) =>
      `The foreign key of ${table} to users holds for new rows only: some owners are in no users row`
    ),
    ...tables?.unowned
      ? ["Some videos belong to an organisation alone: videos.user_id stays nullable"]
      : [],
    `Accounts in Supabase Auth that stay: ${accounts}`,
  ];
  return lines.join("\n");
}

function describeUsers({ added, withoutEmail }: { added: number; withoutEmail: number }): string {
  const note = withoutEmail > 0 ? `, ${withoutEmail} of them with a placeholder as e-mail` : "";
  return `Users who registered since and have a users row now: ${added}${note}`;
}
