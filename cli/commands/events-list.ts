import { type Command, Option } from "commander";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../context.ts";
import { withDatabase } from "../database.ts";
import { wholeNumber } from "../options.ts";
import { toJson, toTable } from "../output.ts";
import { nounOf } from "../noun.ts";

const states = ["waiting", "delivered", "dead", "all"] as const;

interface ListOptions {
  json?: boolean;
  limit: number;
  state: typeof states[number];
}

const examples = `
Examples:
  $ heimdex events list
  $ heimdex events list --state dead --limit 100 --json`;

export function registerEventsList(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, "events", "Changes of users on their way to the project's tables")
    .command("list")
    .description("Lists events of the outbox, newest first")
    .option("--json", "write a JSON array")
    .option("--limit <count>", "at most this many", wholeNumber(1, 1000), 20)
    .addOption(new Option("--state <state>", "which events").choices(states).default("waiting"))
    .addHelpText("after", examples)
    .action(async (options: ListOptions) => finish(await listEvents(context, options)));
}

async function listEvents(context: CliContext, options: ListOptions): Promise<ExitCode> {
  const events = await withDatabase(context, (sql) =>
    sql`
      select *
      from (
        select id::text as id, type, user_id, created_at, attempts,
          case
            when delivered_at is not null then 'delivered'
            when dead_at is not null then 'dead'
            else 'waiting'
          end as state,
          last_error
        from private.auth_events
      ) as events
      where ${options.state} in ('all', state)
      order by id::bigint desc
      limit ${options.limit}
    `);
  const empty = options.state === "all" ? "No events" : `No ${options.state} events`;
  context.out(options.json ? toJson(events) : toTable([...events], empty));
  return exitCodes.ok;
}
