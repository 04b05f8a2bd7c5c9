import type { Command } from "commander";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../context.ts";
import { withDatabase } from "../database.ts";
import { wholeNumber } from "../options.ts";
import { toJson } from "../output.ts";

/** The bounds beyond which the exit code is 1. */
interface StatusOptions {
  json?: boolean;
  maxAge: number;
  maxDead: number;
  maxErasureAge: number;
  maxHeld: number;
  maxDeadErasures: number;
  maxOrphans: number;
}

export interface Status {
  outbox: { pending: number; oldest_seconds: number; dead: number };
  /** How long the erasure that is due longest has been due. */
  erasures: { states: Record<string, number>; oldest_seconds: number };
  /** The last daily count; null before the first one. */
  orphans: { counted_seconds: number; users: number | null; orphans: number | null } | null;
  users: number;
  videos: Record<string, number>;
}

const year = 31_536_000;
const million = 1_000_000;

/** A daily count that is older tells that nobody drains. */
const maxCountSeconds = 48 * 3600;

const examples = `
Over a threshold, exit code 1: also when the daily count of orphans is more than two days old.

Examples:
  $ heimdex status
  $ heimdex status --json --max-age 60 --max-dead 0 --max-orphans 5`;

export function registerStatus(program: Command, context: CliContext, finish: Finish): void {
  const seconds = wholeNumber(0, year);
  const count = wholeNumber(0, million);
  program.command("status")
    .description(
      "Shows the outbox, the erasures, the orphans, and how many users and videos there are",
    )
    .option("--json", "write one JSON document")
    .option("--max-age <seconds>", "oldest event that may wait", seconds, 300)
    .option("--max-dead <count>", "events given up on", count, 0)
    .option("--max-erasure-age <seconds>", "oldest erasure that may be due", seconds, 3600)
    .option("--max-held <count>", "erasures that wait for an operator", count, 0)
    .option("--max-dead-erasures <count>", "erasures given up on", count, 0)
    .option("--max-orphans <count>", "orphans of the last daily count", count, 0)
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
        'erasures', (
          select jsonb_build_object(
            'states', coalesce(jsonb_object_agg(state, erasures), '{}'),
            'oldest_seconds', greatest(
              floor(extract(epoch from now() - min(due_since))), 0))
          from (
            select state, count(*) as erasures, min(
              case state
                when 'scheduled' then effective_at
                when 'pending' then greatest(requested_at, effective_at)
                when 'running' then coalesce(late_sweep_at, greatest(requested_at, effective_at))
                when 'provisional' then late_sweep_at
              end) filter (
                where state in ('pending', 'running')
                  or (state = 'scheduled' and effective_at < now())
                  or (state = 'provisional' and late_sweep_at < now())) as due_since
            from private.erasures group by state) as by_state),
        'orphans', (
          select jsonb_build_object(
            'counted_seconds', floor(extract(epoch from now() - counted_at)),
            'users', users, 'orphans', orphans)
          from private.orphan_counts where counted_at is not null order by day desc limit 1),
        'users', (select count(*) from auth.users where deleted_at is null),
        'videos', (
          select coalesce(jsonb_object_agg(state, videos), '{}')
          from (select state, count(*) as videos from public.videos group by state) as by_state)
      ) as status
    `;
    return row.status;
  });
  context.out(options.json ? toJson(status) : describe(status));
  return isOver(status, options) ? exitCodes.overThreshold : exitCodes.ok;
}

function isOver({ outbox, erasures, orphans }: Status, o: StatusOptions): boolean {
  return outbox.oldest_seconds > o.maxAge ||
    outbox.dead > o.maxDead ||
    erasures.oldest_seconds > o.maxErasureAge ||
    (erasures.states.held ?? 0) > o.maxHeld ||
    (erasures.states.dead ?? 0) > o.maxDeadErasures ||
    (orphans?.orphans ?? 0) > o.maxOrphans ||
    (orphans?.counted_seconds ?? 0) > maxCountSeconds;
}

function describe({ outbox, erasures, orphans, users, videos }: Status): string {
  return [
    `outbox    ${outbox.pending} waiting, oldest ${outbox.oldest_seconds} s, ${outbox.dead} dead`,
    `erasures  ${listStates(erasures.states)}; longest due ${erasures.oldest_seconds} s`,
    `orphans   ${describeCount(orphans)}`,
    `users     ${users}`,
    `videos    ${listStates(videos)}`,
  ].join("\n");
}

function listStates(states: Record<string, number>): string {
  return Object.entries(states).map(([state, count]) => `${count} ${state}`).join(", ") || "none";
}

function describeCount(count: Status["orphans"]): string {
  if (!count) return "not counted yet";
  const hours = Math.floor(count.counted_seconds / 3600);
  const found = count.orphans === null
    ? "not known before the former users are moved"
    : `${count.orphans} beside ${count.users} users`;
  return `${found}, counted ${hours} h ago`;
}
