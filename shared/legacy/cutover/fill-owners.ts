import type postgres from "postgres";
import { inTransaction } from "../load/in-transaction.ts";
import { inLockingTransaction } from "./locked.ts";

/** How far the fill is; rows of all relations together. */
export type FillProgress = (readRows: number) => void;

/** What the fill did in all its runs. */
export interface FillReport {
  readRows: number;
  changedRows: number;
}

/**
 * Gives every row of a legacy owner its new owner beside the old one, in batches of at most
 * `batchRows`, one transaction each. Triggers keep what is filled true meanwhile. Goes on where an
 * earlier run stopped: `private.legacy_fills` holds the last key of each relation.
 * Source: private.prepare_legacy_owners, private.fill_legacy_owners (20261122103100).
 */
export async function fillOwners(
  sql: postgres.Sql,
  { batchRows, onProgress }: { batchRows: number; onProgress?: FillProgress | undefined },
): Promise<FillReport> {
  await inLockingTransaction(sql, (tx) => tx`select private.prepare_legacy_owners()`);
  const relations = await sql<{ relation: string }[]>`
    select relation from private.list_legacy_fills() as f (relation)`;
  const report = { readRows: 0, changedRows: 0 };
  for (const { relation } of relations) {
    for (let finished = false; !finished;) {
      const fill = await fillBatch(sql, relation, batchRows);
      finished = fill.finished;
      onProgress?.(report.readRows + fill.readRows);
      if (!finished) continue;
      report.readRows += fill.readRows;
      report.changedRows += fill.changedRows;
    }
  }
  return report;
}

interface Fill {
  readRows: number;
  changedRows: number;
  finished: boolean;
}

/** One batch, noted in the same transaction; nothing where the relation is finished. */
async function fillBatch(sql: postgres.Sql, relation: string, batchRows: number): Promise<Fill> {
  return await inTransaction(sql, async (tx): Promise<Fill> => {
    const [known] = await tx<FillRow[]>`
      insert into private.legacy_fills (relation) values (${relation})
      on conflict (relation) do update set relation = excluded.relation
      returning last_key, read_rows::float8, changed_rows::float8, finished_at`;
    if (known?.finished_at) return toFill(known);
    const [row] = await tx<FillRow[]>`
      update private.legacy_fills as l
      set last_key = coalesce(b.last_key, l.last_key), read_rows = l.read_rows + b.read_rows,
        changed_rows = l.changed_rows + b.changed_rows,
        finished_at = case when b.last_key is null then now() end
      from private.fill_legacy_owners(${relation}, ${known?.last_key ?? null}, ${batchRows}) as b
      where l.relation = ${relation}
      returning l.last_key, l.read_rows::float8, l.changed_rows::float8, l.finished_at`;
    return toFill(row);
  });
}

interface FillRow {
  last_key: string | null;
  read_rows: number;
  changed_rows: number;
  finished_at: Date | null;
}

function toFill(row: FillRow | undefined): Fill {
  return {
    readRows: row?.read_rows ?? 0,
    changedRows: row?.changed_rows ?? 0,
    finished: row === undefined || row.finished_at !== null,
  };
}

/** Rows that the fill reads when it begins anew, as the server estimates them; for a progress bar. */
export async function estimateFill(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<[{ rows: number }]>`
    select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 as rows
    from private.list_legacy_fills() as f (relation)
    join pg_class as c on c.oid = to_regclass('public.' || split_part(f.relation, '.', 1))`;
  return row.rows;
}

/**
 * Builds, without locking out writers, every index that the filled columns need before they can take
 * the place of the old ones, and lets the planner know them. What a broken build left is built anew.
 */
export async function buildOwnerIndexes(sql: postgres.Sql): Promise<void> {
  const indexes = await sql<{ index_name: string; relation: string; statement: string }[]>`
    select index_name, relation, statement from private.legacy_owner_indexes() where not is_ready`;
  for (const { index_name, statement } of indexes) {
    await sql`drop index concurrently if exists ${sql(`public.${index_name}`)}`;
    await sql.unsafe(statement);
  }
  for (const relation of new Set(indexes.map((index) => index.relation))) {
    await sql`analyze ${sql(`public.${relation}`)}`;
  }
}
