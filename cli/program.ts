import { Command, CommanderError } from "commander";
import {
  type CliContext,
  CliError,
  type ExitCode,
  exitCodeMeanings,
  exitCodes,
  type Finish,
} from "./context.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerErasureKey } from "./commands/erasure/key.ts";
import { registerErasureList } from "./commands/erasure/list.ts";
import { registerErasureReapply } from "./commands/erasure/reapply.ts";
import { registerErasureReceipts } from "./commands/erasure/receipts.ts";
import { registerErasureRelease } from "./commands/erasure/release.ts";
import { registerErasureRetry } from "./commands/erasure/retry.ts";
import { registerErasureRun } from "./commands/erasure/run.ts";
import { registerErasureShow } from "./commands/erasure/show.ts";
import { registerErasureVerify } from "./commands/erasure/verify.ts";
import { registerEventsList } from "./commands/events/list.ts";
import { registerEventsReplay } from "./commands/events/replay.ts";
import { registerEventsRetry } from "./commands/events/retry.ts";
import { registerLegacyCutover } from "./commands/legacy/cutover.ts";
import { registerLegacyExport } from "./commands/legacy/export.ts";
import { registerLegacyLoad } from "./commands/legacy/load.ts";
import { registerLegacyPlan } from "./commands/legacy/plan.ts";
import { registerLegacyPurge } from "./commands/legacy/purge.ts";
import { registerLegacyRollback } from "./commands/legacy/rollback.ts";
import { registerLegacySample } from "./commands/legacy/sample.ts";
import { registerLegacyVerify } from "./commands/legacy/verify.ts";
import { registerOrgAdd } from "./commands/org/add.ts";
import { registerOrgCreate } from "./commands/org/create.ts";
import { registerOrgRemove } from "./commands/org/remove.ts";
import { registerOrgRole } from "./commands/org/role.ts";
import { registerOrphansErase } from "./commands/orphans/erase.ts";
import { registerOrphansList } from "./commands/orphans/list.ts";
import { registerStats } from "./commands/stats.ts";
import { registerStatus } from "./commands/status.ts";
import { registerUsersFind } from "./commands/users/find.ts";
import { registerTierSet } from "./commands/tier/set.ts";

/** Every subcommand, in the order of the help text. One file each. */
const registrations = [
  registerStatus,
  registerStats,
  registerDoctor,
  registerUsersFind,
  registerEventsList,
  registerEventsRetry,
  registerEventsReplay,
  registerErasureList,
  registerErasureShow,
  registerErasureRun,
  registerErasureRetry,
  registerErasureRelease,
  registerErasureReceipts,
  registerErasureKey,
  registerErasureVerify,
  registerErasureReapply,
  registerOrphansList,
  registerOrphansErase,
  registerTierSet,
  registerOrgCreate,
  registerOrgAdd,
  registerOrgRemove,
  registerOrgRole,
  registerLegacySample,
  registerLegacyPlan,
  registerLegacyLoad,
  registerLegacyExport,
  registerLegacyVerify,
  registerLegacyCutover,
  registerLegacyRollback,
  registerLegacyPurge,
];

const exitCodeLines = Object.entries(exitCodes)
  .map(([name, code]) => `  ${code}  ${exitCodeMeanings[name as keyof typeof exitCodes]}`);

const epilogue = `
Grammar:
  heimdex <noun> <verb>, and three that look at the whole project: status, stats, doctor
  --json everywhere; nothing is asked without a terminal; what destroys needs --yes
  NO_COLOR switches colours off

Environment:
  DATABASE_URL, else SUPABASE_DB_URL   PostgreSQL of the project, role postgres
  Commands that run or open erasures or change a tier or an organization need the environment
  of the functions as well

Exit codes:
${exitCodeLines.join("\n")}

Examples:
  $ heimdex status --json
  $ heimdex doctor
  $ heimdex users find --email ann@
  $ heimdex erasure run
  $ heimdex tier set mina@example.com pro`;

/** The `heimdex` command with all its nouns and verbs. Without a terminal it never asks. */
export function createProgram(context: CliContext, finish: Finish): Command {
  const program = new Command("heimdex")
    .description("Looks after a Heimdex project: its outbox, its users and its videos")
    .version(context.version)
    .addHelpText("after", epilogue)
    .configureOutput({
      writeOut: (text) => context.out(text.trimEnd()),
      writeErr: (text) => context.err(text.trimEnd()),
    })
    .showHelpAfterError("Run the same command with --help for its options")
    .exitOverride();
  for (const register of registrations) register(program, context, finish);
  return program;
}

/** Runs one command line and returns the exit code. */
export async function runProgram(args: string[], context: CliContext): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const program = createProgram(context, (result) => (code = result));
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return exitCodes.usage;
    }
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? code : exitCodes.usage;
    if (!(error instanceof CliError)) throw error;
    context.err(error.message);
    return error.exitCode;
  }
}
