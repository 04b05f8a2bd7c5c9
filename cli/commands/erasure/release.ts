import type { Command } from "commander";
import type { ErasureContext } from "../../../shared/erasure/context.ts";
import { releaseErasure } from "../../../shared/erasure/operate.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { toJson } from "../../output.ts";
import { parseErasureId } from "./erasure-id.ts";
import { erasureNoun } from "./noun.ts";
import { withOperator } from "./with-operator.ts";

interface ReleaseOptions {
  json?: boolean;
  all?: boolean;
  yes?: boolean;
}

const examples = `
Erasures are held when more are asked for within an hour than HEIMDEX_ERASURES_PER_HOUR allows.
Look at who asked for them before you release them: an erasure cannot be undone. Without --yes, --all shows how many there are.

Examples:
  $ heimdex erasure list --state held
  $ heimdex erasure release 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a
  $ heimdex erasure release --all --yes`;

export function registerErasureRelease(
  program: Command,
  context: CliContext,
  finish: Finish,
): void {
  nounOf(program, ...erasureNoun)
    .command("release")
    .argument("[id]", "UUID of a held erasure")
    .description("Lets held erasures begin; the next drain runs them")
    .option("--all", "every held erasure; needs --yes")
    .option("--yes", "really release all of them")
    .option("--json", "write a JSON array")
    .addHelpText("after", examples)
    .action(async (id: string | undefined, options: ReleaseOptions) =>
      finish(await release(context, id, options))
    );
}

async function release(
  context: CliContext,
  id: string | undefined,
  options: ReleaseOptions,
): Promise<ExitCode> {
  if ((id === undefined) === !options.all) {
    throw new CliError(exitCodes.usage, "Give the UUID of an erasure or --all");
  }
  const given = id === undefined ? undefined : parseErasureId(id);
  const released = await withOperator(context, async (ctx) => {
    const chosen = given === undefined ? await listHeld(ctx) : [given];
    if (given === undefined && !options.yes) throw askForYes(chosen.length);
    const done = [];
    for (const erasureId of chosen) {
      const { state } = await releaseErasure(ctx, erasureId);
      done.push({ erasure_id: erasureId, state });
    }
    return done;
  });
  context.out(options.json ? toJson(released) : `Erasures released: ${released.length}`);
  return exitCodes.ok;
}

function askForYes(count: number): CliError {
  return new CliError(
    exitCodes.usage,
    `${count} erasures are held and none was released: say --yes to release all of them`,
  );
}

async function listHeld({ database }: ErasureContext): Promise<string[]> {
  const rows = await database.asService((sql) =>
    sql<{ erasure_id: string }[]>`
      select erasure_id from private.erasures where state = 'held' order by requested_at`
  );
  return rows.map(({ erasure_id }) => erasure_id);
}
