import type { Command } from "commander";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../context.ts";
import { withDatabase } from "../database.ts";
import { wholeNumber } from "../options.ts";
import { toJson } from "../output.ts";

interface StatusOptions {
  json?: boolean;
  maxAge: number;
  maxDead: number;
}

export interface Status {
  outbox: { pending: number; oldest_seconds: number; dead: number };
  users: number;
  videos: Record<string, number>;
}

const examples = `
Examples:
  $ heimdex status
  $ heimdex status --json --max-age 60 --max-dead 0`;

export function registerStatus(program: Command, context: CliContext, finish: Finish): void {
  program.command("status")
    .description("Shows the depth and age of the outbox, and how many users and videos there are")
    .option("--json", "write one JSON document")
    .option(
      "--max-age <seconds>",
      "oldest event that may wait before the exit code is 1",
      wholeNumber(0, 31_536_000),
      300,
    )
    .option(
      "--max-dead <count>",
      "events given up on before the exit code is 1",
      wholeNumber(0, 1_000_000),
      0,
    )
    .addHelpText("after", examples)
    .action(async (options: StatusOptions) => finish(await showStatus(context, options)));
}

async function showStatus(context: CliContext, options: StatusOptions): Promise<ExitCode> {
  const status = await withDatabase(context, async (sql) => {
    const [row] = await sql<[{ status: Status }]>`
      select jsonb_build_object(
        'outbox', (
          select jsonb_build_object(
            'pending', count(*) filter (where dead_at is null),
            'oldest_seconds', coalesce(floor(extract(epoch from
              now() - min(created_at) filter (where dead_at is null))), 0),
            'dead', count(*) filter (where dead_at is not null))
          from private.auth_events
          where delivered_at is null),
        'users', (select count(*) from auth.users where deleted_at is null),
        'videos', (
          select coalesce(jsonb_object_agg(state, videos), '{}')
          from (select state, count(*) as videos from public.videos group by state) as by_state)
      ) as status
    `;
    return row.status;
  });
  context.out(options.json ? toJson(status) : describe(status));
  const { oldest_seconds, dead } = status.outbox;
  const over = oldest_seconds > options.maxAge || dead > options.maxDead;
  return over ? exitCodes.overThreshold : exitCodes.ok;
}

function describe({ outbox, users, videos }: Status): string {
  const states = Object.entries(videos).map(([state, count]) => `${count} ${state}`).join(", ");
  return [
    `outbox  ${outbox.pending} waiting, oldest ${outbox.oldest_seconds} s, ${outbox.dead} dead`,
    `users   ${users}`,
    `videos  ${states || "none"}`,
  ].join("\n");
}
