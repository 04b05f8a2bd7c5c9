import type postgres from "postgres";
import {
  legacyRevision,
  type LegacyTableName,
  legacyTables,
} from "../../../shared/legacy/schema.ts";

/** One row: column to value. Dates, lists and objects go as JSON; a missing column gets its default. */
export type LegacyRow = Record<string, unknown>;

/** Rows of a legacy database by table. */
export type LegacyRows = Partial<Record<LegacyTableName, readonly LegacyRow[]>>;

const schemaFile = new URL(
  "../../../supabase/migrations/20261122100000_create_legacy_schema.sql",
  import.meta.url,
);

/**
 * Makes the legacy schema, as its last revision left it, in an empty database of its own. Types,
 * tables, indexes and vector columns stand once, in the migration that adopts them. Does nothing
 * where they are there already.
 */
export async function createLegacySchema(sql: postgres.Sql): Promise<void> {
  const migration = await Deno.readTextFile(schemaFile);
  const tables = between(
    migration,
    "    if pg_catalog.to_regtype('public.user_tier')",
    "    -- null in",
  );
  const indexes = between(
    migration,
    "    create index if not exists idx_users_email",
    "    -- Nothing of the legacy schema",
  );
  await sql.begin(async (tx) => {
    await tx.unsafe(`do $legacy$
      declare
        vector_schema text;
      begin
        create schema if not exists extensions;
        ${tables}
        ${indexes}
        create table if not exists public.alembic_version (
          version_num varchar(32) not null constraint alembic_version_pkc primary key
        );
      end $legacy$`).simple();
    await tx`insert into public.alembic_version values (${legacyRevision}) on conflict do nothing`;
  });
}

function between(text: string, begin: string, end: string): string {
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)];
  if (start < 0 || stop < start) throw new Error(`The legacy schema has no part from "${begin}"`);
  return text.slice(start, stop);
}

const chunkSize = 2000;

/** Inserts rows, parents first, by few statements: each takes its rows as one JSON document. */
export async function writeLegacyRows(
  sql: postgres.ISql,
  rows: LegacyRows,
  schema = "public",
): Promise<void> {
  for (const { name } of legacyTables) {
    for (const group of groupByColumns(rows[name] ?? [])) {
      for (let start = 0; start < group.length; start += chunkSize) {
        await insertRows(sql, `${schema}.${name}`, group.slice(start, start + chunkSize));
      }
    }
  }
}

/** Rows with the same columns go together, so that the others keep their defaults. */
function groupByColumns(rows: readonly LegacyRow[]): LegacyRow[][] {
  const groups = new Map<string, LegacyRow[]>();
  for (const row of rows) {
    const key = columnsOf(row).join(" ");
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()];
}

function columnsOf(row: LegacyRow): string[] {
  return Object.keys(row).filter((column) => row[column] !== undefined).sort();
}

async function insertRows(
  sql: postgres.ISql,
  table: string,
  rows: readonly LegacyRow[],
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const columns = sql(columnsOf(first));
  const document = JSON.stringify(
    rows,
    (_key, value) => typeof value === "bigint" ? value.toString() : value,
  );
  await sql`
    insert into ${sql(table)} (${columns})
    select ${columns} from json_populate_recordset(null::${sql(table)}, ${document}::text::json)`;
}
