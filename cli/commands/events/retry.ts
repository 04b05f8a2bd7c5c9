import { type Command, Option } from "commander";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { nounOf } from "../../noun.ts";
import { toJson } from "../../output.ts";
import { eventsNoun } from "./noun.ts";
import { explainMissing, parseEventId, type PutBack } from "./put-back.ts";

interface RetryOptions {
  json?: boolean;
  allDead?: boolean;
}

const examples = `
Examples:
  $ heimdex events retry 42
  $ heimdex events retry 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a --json
  $ heimdex events retry --all-dead`;

export function registerEventsRetry(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...eventsNoun)
    .command("retry")
    .argument("[id]", "number or UUID of an event that was not delivered")
    .description("Makes events due at once, with all their tries again; the next drain takes them")
    .addOption(new Option("--all-dead", "every event given up on"))
    .option("--json", "write a JSON array of the events")
    .addHelpText("after", examples)
    .action(async (id: string | undefined, options: RetryOptions) =>
      finish(await retryEvents(context, id, options))
    );
}

async function retryEvents(
  context: CliContext,
  id: string | undefined,
  options: RetryOptions,
): Promise<ExitCode> {
  if ((id === undefined) === !options.allDead) {
    throw new CliError(exitCodes.usage, "Give the id of an event or --all-dead");
  }
  const chosen = id === undefined ? undefined : parseEventId(id);
  const events = await withDatabase(context, (sql) => {
    const which = chosen === undefined
      ? sql`dead_at is not null`
      : "row" in chosen
      ? sql`id = ${chosen.row}`
      : sql`event_id = ${chosen.event}`;
    return sql<PutBack[]>`
      update private.auth_events
      set dead_at = null, attempts = 0, next_attempt_at = now()
      where ${which} and delivered_at is null
      returning id::text as id, event_id, type, user_id
    `;
  });
  if (id !== undefined && events.length === 0) {
    throw await explainMissing(context, id, "was delivered: use heimdex events replay");
  }
  context.out(options.json ? toJson(events) : `Events due now: ${events.length}`);
  return exitCodes.ok;
}
