import type { Command } from "commander";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { eventsNoun } from "./noun.ts";

interface ListOptions {
  json?: boolean;
  limit: number;
  dead?: boolean;
  pending?: boolean;
  delivered?: boolean;
}

const examples = `
Examples:
  $ heimdex events list
  $ heimdex events list --pending
  $ heimdex events list --dead --limit 100 --json`;

export function registerEventsList(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...eventsNoun)
    .command("list")
    .description("Lists events of the outbox, newest first; all states unless told otherwise")
    .option("--dead", "events given up on")
    .option("--pending", "events that wait to be delivered")
    .option("--delivered", "events that were delivered")
    .option("--json", "write a JSON array")
    .option("--limit <count>", "at most this many", wholeNumber(1, 1000), 20)
    .addHelpText("after", examples)
    .action(async (options: ListOptions) => finish(await listEvents(context, options)));
}

async function listEvents(context: CliContext, options: ListOptions): Promise<ExitCode> {
  const chosen = (["dead", "pending", "delivered"] as const).filter((state) => options[state]);
  const states = chosen.length > 0 ? chosen : ["dead", "pending", "delivered"];
  const events = await withDatabase(context, (sql) =>
    sql`
      select *
      from (
        select id::text as id, event_id, type, user_id, created_at,
          case
            when delivered_at is not null then 'delivered'
            when dead_at is not null then 'dead'
            else 'pending'
          end as state,
          attempts,
          case when delivered_at is null and dead_at is null then next_attempt_at end as next_attempt_at,
          last_error
        from private.auth_events
      ) as events
      where state = any(${states})
      order by id::bigint desc
      limit ${options.limit}
    `);
  const empty = chosen.length > 0 ? `No ${chosen.join(" or ")} events` : "No events";
  context.out(options.json ? toJson(events) : toTable([...events], empty));
  return exitCodes.ok;
}
