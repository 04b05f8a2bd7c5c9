import type { Command } from "commander";
import { retryErasure } from "../../../shared/erasure/operate.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { toJson } from "../../output.ts";
import { parseErasureId } from "./erasure-id.ts";
import { erasureNoun } from "./noun.ts";
import { withOperator } from "./with-operator.ts";

const examples = `
Examples:
  $ heimdex erasure list --state dead
  $ heimdex erasure retry 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a`;

export function registerErasureRetry(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...erasureNoun)
    .command("retry")
    .argument("<id>", "UUID of an erasure that gave up (state dead)")
    .description("Gives an erasure all its tries again; the next drain takes it up where it stood")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (id: string, options: { json?: boolean }) =>
      finish(await retry(context, id, options))
    );
}

async function retry(
  context: CliContext,
  id: string,
  options: { json?: boolean },
): Promise<ExitCode> {
  const erasureId = parseErasureId(id);
  const { state } = await withOperator(context, (ctx) => retryErasure(ctx, erasureId));
  context.out(
    options.json
      ? toJson({ erasure_id: erasureId, state })
      : `Erasure ${erasureId} is ${state} again`,
  );
  return exitCodes.ok;
}
