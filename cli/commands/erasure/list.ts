import { type Command, Option } from "commander";
import { erasureStates } from "../../../shared/erasure/erasure.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { nounOf } from "../../noun.ts";
import { oneOf, wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { erasureNoun } from "./noun.ts";

interface ListOptions {
  json?: boolean;
  limit: number;
  state?: string[];
}

const examples = `
States:
  scheduled (waits for its time), held (waits for an operator), pending, running,
  provisional (erased, waits for the late sweep), final, cancelled, dead (gave up)

Examples:
  $ heimdex erasure list
  $ heimdex erasure list --state held --state dead --json`;

export function registerErasureList(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...erasureNoun)
    .command("list")
    .description("Lists erasures, newest first")
    .addOption(
      new Option("--state <state>", "only this state; may be given several times")
        .argParser(oneOf(erasureStates)),
    )
    .option("--json", "write a JSON array")
    .option("--limit <count>", "at most this many", wholeNumber(1, 1000), 20)
    .addHelpText("after", examples)
    .action(async (options: ListOptions) => finish(await listErasures(context, options)));
}

async function listErasures(context: CliContext, options: ListOptions): Promise<ExitCode> {
  const states = options.state ?? erasureStates;
  const erasures = await withDatabase(context, (sql) =>
    sql`
      select erasure_id, kind, state, step, origin, requested_at, finished_at, attempts, last_error
      from private.erasures
      where state = any(${[...states]})
      order by requested_at desc, erasure_id
      limit ${options.limit}
    `);
  const empty = options.state ? `No ${options.state.join(" or ")} erasures` : "No erasures";
  context.out(options.json ? toJson(erasures) : toTable([...erasures], empty));
  return exitCodes.ok;
}
