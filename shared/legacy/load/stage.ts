import type postgres from "postgres";
import { LegacyError } from "../errors.ts";
import type { LegacySource } from "../source.ts";
import { copyRows } from "./copy-rows.ts";
import { type Fingerprint, fingerprintStage, prepareSession } from "./fingerprint.ts";
import { inTransaction } from "./in-transaction.ts";
import { columnsOf, type LoadColumns, type LoadTable, stageSchema } from "./relations.ts";

/** What staging one table works with. */
export interface StageOptions {
  /** The project's database. */
  sql: postgres.Sql;
  source: LegacySource;
  /** A read-only transaction of the legacy database: one moment for all tables. */
  snapshot: postgres.TransactionSql;
  columns: LoadColumns;
}

/** Makes the closed schema of the rows on their way. */
export async function openStage(sql: postgres.Sql): Promise<void> {
  const schema = sql(stageSchema);
  await sql`create schema if not exists ${schema}`;
  await sql`revoke all on schema ${schema} from public`;
}

/**
 * Brings one table as it is in the snapshot into the stage. A run that was broken off before may
 * have done so already: rows that are the same are not copied again.
 */
export async function stageTable(
  o: StageOptions,
  table: LoadTable,
  expected: Fingerprint,
  onRows: (rows: number) => void,
): Promise<void> {
  if (await isStaged(o, table, expected)) {
    onRows(expected.rows);
    return;
  }
  await inTransaction(o.sql, async (target) => {
    await prepareSession(target);
    await createTable(target, table, o.columns);
    const columns = listColumns(columnsOf(o.columns, table));
    await copyRows({
      source: o.snapshot,
      from: `copy public.${table.name} (${columns}) to stdout`,
      target,
      to: `copy ${stageSchema}.${table.name} (${columns}) from stdin`,
      cancel: (pid) => o.source.sql`select pg_cancel_backend(${pid})`,
      onRows,
    });
    await target`analyze ${target(`${stageSchema}.${table.name}`)}`;
  });
  if (await isStaged(o, table, expected)) return;
  throw new LegacyError(
    "refused",
    `Table ${table.name} arrived other than the legacy database has it: run this again, and when ` +
      "it happens again, compare the encodings of both databases. No table was changed",
  );
}

async function isStaged(
  { sql, columns }: StageOptions,
  table: LoadTable,
  expected: Fingerprint,
): Promise<boolean> {
  return await inTransaction(sql, async (target) => {
    await prepareSession(target);
    const found = await target<{ attname: string }[]>`
      select attname from pg_attribute
      where attrelid = to_regclass(${`${stageSchema}.${table.name}`}) and attnum > 0
        and not attisdropped order by attnum`;
    const same = found.map(({ attname }) => attname).join() === columnsOf(columns, table).join();
    if (!same || found.length === 0) return false;
    return (await fingerprintStage(target, table, columns)).hash === expected.hash;
  });
}

// Ids as ids, so that rows are found by them; all else as the text it arrives as, which keeps the
// stage free of types that are not there before the users tables are.
async function createTable(
  sql: postgres.TransactionSql,
  table: LoadTable,
  columns: LoadColumns,
): Promise<void> {
  const ids = new Set(
    table.columns.filter(({ type }) => type === "uuid").map(({ name }) => name),
  );
  const shape = columnsOf(columns, table).map((name) =>
    `"${name}" ${ids.has(name) ? "uuid" : "text"}`
  );
  await sql.unsafe(`
    drop table if exists ${stageSchema}.${table.name};
    create unlogged table ${stageSchema}.${table.name} (${shape.join(", ")});
  `).simple();
}

/** Removes the stage and everything in it; what is there otherwise stays and is an error. */
export async function dropStage(sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_class as c
    where c.relnamespace = to_regnamespace(${stageSchema}) and c.relkind = 'r'`;
  for (const { name } of rows) await sql`drop table ${sql(`${stageSchema}.${name}`)}`;
  await sql`drop schema if exists ${sql(stageSchema)}`;
}

/** Column names for a COPY statement, which takes no parameters. */
function listColumns(columns: readonly string[]): string {
  return columns.map((name) => `"${name}"`).join(", ");
}
