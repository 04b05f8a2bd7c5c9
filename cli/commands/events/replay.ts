import type { Command } from "commander";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { nounOf } from "../../noun.ts";
import { toJson } from "../../output.ts";
import { eventsNoun } from "./noun.ts";
import { explainMissing, parseEventId, type PutBack } from "./put-back.ts";

const examples = `
Examples:
  $ heimdex events replay 42
  $ heimdex events replay 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a --json`;

export function registerEventsReplay(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...eventsNoun)
    .command("replay")
    .argument("<id>", "number or UUID of an event, delivered or not")
    .description("Delivers an event once more under the same event id; the next drain takes it")
    .option("--json", "write the event as a JSON document")
    .addHelpText("after", examples)
    .action(async (id: string, options: { json?: boolean }) =>
      finish(await replayEvent(context, id, options))
    );
}

async function replayEvent(
  context: CliContext,
  id: string,
  options: { json?: boolean },
): Promise<ExitCode> {
  const chosen = parseEventId(id);
  const [event] = await withDatabase(context, (sql) =>
    sql<PutBack[]>`
      update private.auth_events
      set delivered_at = null, dead_at = null, attempts = 0, next_attempt_at = now()
      where ${"row" in chosen ? sql`id = ${chosen.row}` : sql`event_id = ${chosen.event}`}
        and (leased_until is null or leased_until <= now())
      returning id::text as id, event_id, type, user_id
    `);
  if (!event) throw await explainMissing(context, id, "is being delivered right now");
  context.out(options.json ? toJson(event) : `Event ${event.id} is due now: ${event.type}`);
  return exitCodes.ok;
}
