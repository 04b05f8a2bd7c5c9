import { legacyTables } from "../../../shared/legacy/schema.ts";
import type { Sql } from "../../../local/kept-databases.ts";

/** The hash of every row of every legacy table over its legacy columns, by table and key. */
export type RowHashes = Record<string, Record<string, string>>;

/** Hashes all rows of the legacy tables in `public`; a table that is not there has no entry. */
export async function hashRows(sql: Sql): Promise<RowHashes> {
  const hashes: RowHashes = {};
  for (const { name, primaryKey, columns } of legacyTables) {
    const [found] = await sql<{ names: string[] | null }[]>`
      select array_agg(attname::text order by attnum) as names from pg_attribute
      where attrelid = to_regclass(${`public.${name}`}) and attnum > 0 and not attisdropped`;
    const there = columns.map((column) => column.name).filter((column) =>
      found?.names?.includes(column)
    );
    if (!found?.names) continue;
    const rows = await sql<{ key: string; hash: string }[]>`
      select concat_ws(' ', ${sql([...primaryKey])}) as key, md5(row(${sql(there)})::text) as hash
      from ${sql(`public.${name}`)} order by 1`;
    hashes[name] = Object.fromEntries(rows.map((row) => [row.key, row.hash]));
  }
  return hashes;
}

/** Columns, constraints and indexes that the legacy application knows, as text. */
export async function describeLegacyShape(sql: Sql): Promise<string[]> {
  const names = legacyTables.map(({ name }) => name);
  const known = legacyTables.flatMap(({ name, columns }) =>
    columns.map((column) => `${name}.${column.name}`)
  );
  const rows = await sql<{ line: string }[]>`
    with legacy as (
      select oid, relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and relname = any(${names}))
    select format('%s.%s %s%s default %s', l.relname, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' end, pg_get_expr(d.adbin, d.adrelid)) as line
    from legacy as l join pg_attribute as a on a.attrelid = l.oid
    left join pg_attrdef as d on d.adrelid = l.oid and d.adnum = a.attnum
    where a.attnum > 0 and not a.attisdropped and l.relname || '.' || a.attname = any(${known})
    union all
    select format('%s: %s %s', l.relname, c.conname, pg_get_constraintdef(c.oid))
    from legacy as l join pg_constraint as c on c.conrelid = l.oid
    where c.contype in ('p', 'u', 'f')
    union all
    select format('%s: %s', l.relname, pg_get_indexdef(i.indexrelid))
    from legacy as l join pg_index as i on i.indrelid = l.oid
    order by 1`;
  return rows.map(({ line }) => line);
}
