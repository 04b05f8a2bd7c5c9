import type { Command } from "commander";
import type { Counts } from "../../../shared/erasure/erasure.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { nounOf } from "../../noun.ts";
import { toJson, toTable } from "../../output.ts";
import { parseErasureId } from "./erasure-id.ts";
import { erasureNoun } from "./noun.ts";

interface Shown {
  erasure_id: string;
  counts_before: Counts | null;
  counts_after: Counts | null;
  leftovers: { what: string; reason: string }[];
  objects_waiting: number;
  receipts: { sequence: number; stage: string; hash: string }[];
  [column: string]: unknown;
}

const examples = `
Examples:
  $ heimdex erasure show 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a
  $ heimdex erasure show 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a --json`;

export function registerErasureShow(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...erasureNoun)
    .command("show")
    .argument("<id>", "UUID of the erasure")
    .description("Shows one erasure: where it stands, what it counted, its receipts")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (id: string, options: { json?: boolean }) =>
      finish(await showErasure(context, id, options))
    );
}

async function showErasure(
  context: CliContext,
  id: string,
  options: { json?: boolean },
): Promise<ExitCode> {
  const erasureId = parseErasureId(id);
  const [erasure] = await withDatabase(context, (sql) =>
    sql<Shown[]>`
      select e.erasure_id, e.kind, e.state, e.step, e.origin, e.user_id, e.person_id, e.subject,
        e.requested_at, e.effective_at, e.started_at, e.provisional_at, e.late_sweep_at,
        e.finished_at, e.attempts, e.next_attempt_at, e.leased_until, e.last_error,
        e.counts_before, e.counts_after, e.leftovers,
        (
          select count(*)::int from private.erasure_objects as o
          where o.erasure_id = e.erasure_id and o.removed_at is null
        ) as objects_waiting,
        (
          select coalesce(jsonb_agg(jsonb_build_object(
            'sequence', r.sequence, 'stage', r.stage, 'hash', r.hash) order by r.sequence), '[]')
          from private.erasure_receipts as r where r.erasure_id = e.erasure_id
        ) as receipts
      from private.erasures as e where e.erasure_id = ${erasureId}
    `);
  if (!erasure) {
    throw new CliError(exitCodes.usage, `There is no erasure ${id}: see heimdex erasure list`);
  }
  context.out(options.json ? toJson(erasure) : describe(erasure));
  return exitCodes.ok;
}

function describe(erasure: Shown): string {
  const { counts_before, counts_after, leftovers, receipts, ...plain } = erasure;
  const lines = toTable(
    Object.entries(plain).map(([name, value]) => ({ name, value })),
    "",
  ).split("\n").slice(1);
  const counts = countLines(counts_before, counts_after);
  return [
    ...lines,
    "",
    toTable(counts, "Nothing is counted yet"),
    "",
    toTable(receipts, "No receipt yet"),
    ...leftovers.map(({ what, reason }) => `left: ${what} (${reason})`),
  ].join("\n");
}

function countLines(before: Counts | null, after: Counts | null): Record<string, unknown>[] {
  const tables = Object.entries(before?.tables ?? {}).map(([what, rows]) => ({
    what,
    before: rows,
    after: after?.tables[what] ?? null,
  }));
  const objects = Object.entries(before?.buckets ?? {}).map(([bucket, count]) => ({
    what: `bucket ${bucket}`,
    before: count.objects,
    after: after?.buckets[bucket]?.objects ?? null,
  }));
  return [...tables, ...objects].filter((line) => line.before > 0 || (line.after ?? 0) > 0);
}
