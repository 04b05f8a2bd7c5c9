import type { Transaction } from "../database/doors.ts";

/** Those of the tables that stand here but in which the project's role may not delete. */
export async function withoutRight(
  sql: Transaction,
  tables: readonly string[],
): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select name from unnest(${[...tables]}::text[]) as wanted (name)
    where to_regclass(name) is not null
      and not (has_table_privilege(to_regclass(name)::oid, 'select')
        and has_table_privilege(to_regclass(name)::oid, 'delete'))`;
  return rows.map(({ name }) => name);
}
