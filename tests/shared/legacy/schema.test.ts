import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLegacySchema } from "../../../cli/legacy/sample/write.ts";
import { legacyTables } from "../../../shared/legacy/schema.ts";
import {
  applyMigration,
  type Migration,
  readMigrations,
  type Sql,
  startServer,
  type TestDatabase,
  type TestServer,
} from "../../migrations/support/database.ts";

const [legacySchema] = await readMigrations() as [Migration, ...Migration[]];

async function readColumns(sql: Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select c.relname || '.' || a.attname || ' '
      || regexp_replace(format_type(a.atttypid, a.atttypmod), '^"?\\w+"?\\.', '')
      || case when a.attnotnull then ' not null' else '' end as line
    from pg_class as c join pg_attribute as a on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0
      and not a.attisdropped and c.relname <> 'alembic_version'
    order by 1`;
  return rows.map(({ line }) => line);
}

/** Defaults, indexes, keys and types: all that a table is besides its columns. */
async function readRest(sql: Sql): Promise<unknown> {
  return await sql`
    select indexdef as line from pg_indexes
    where schemaname = 'public' and tablename <> 'alembic_version'
    union all
    select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace
      and conrelid <> coalesce(to_regclass('public.alembic_version'), 0)::oid
    union all
    select adrelid::regclass || ' ' || adnum || ' ' || pg_get_expr(adbin, adrelid) from pg_attrdef
    union all
    select enumtypid::regtype || ' ' || enumlabel from pg_enum
    order by 1`;
}

describe("the legacy tables", () => {
  let server: TestServer;
  let adopted: TestDatabase;
  let made: TestDatabase;

  beforeAll(async () => {
    server = await startServer();
    adopted = await server.createDatabase({ migrated: false });
    made = await server.createDatabase({ migrated: false });
    await applyMigration(adopted.sql, legacySchema);
    await createLegacySchema(made.sql);
  });
  afterAll(async () => {
    await Promise.all([adopted.stop(), made.stop()]);
    await server.stop();
  });

  it("are listed as the migration makes them", async () => {
    const actual = (await readColumns(adopted.sql)).map((line) => line.replace(/ not null$/, ""));
    const listed = legacyTables.flatMap(({ name, columns }) =>
      columns.filter(({ optional }) => !optional).map((column) =>
        `${name}.${column.name} ${column.type}`
      )
    );
    const vectors = legacyTables.flatMap(({ columns }) =>
      columns.filter(({ optional }) => optional)
    );
    expect(listed.sort()).toEqual(actual.filter((line) => !/ vector\(/.test(line)).sort());
    expect(vectors.map(({ name }) => name)).toEqual(["text_vec", "image_vec", "adaface_vec"]);
  });

  it("are listed with their keys, owners and what may be null", async () => {
    const columns = await readColumns(adopted.sql);
    for (const table of legacyTables) {
      for (const { name, notNull } of table.columns) {
        const line = columns.find((column) => column.startsWith(`${table.name}.${name} `));
        if (notNull !== null && line) expect(line.endsWith(" not null"), line).toBe(notNull);
      }
      expect(table.owner !== undefined).toBe(table.columns.some(({ name }) => name === "user_id"));
    }
    const keys = await adopted.sql<{ relation: string; columns: string[] }[]>`
      select conrelid::regclass::text as relation, array(
        select a.attname::text from unnest(conkey) with ordinality as k (num, at)
        join pg_attribute as a on a.attrelid = conrelid and a.attnum = k.num order by k.at
      ) as columns
      from pg_constraint where contype = 'p' and connamespace = 'public'::regnamespace`;
    expect(new Map(keys.map(({ relation, columns }) => [relation.replace("public.", ""), columns])))
      .toEqual(new Map(legacyTables.map(({ name, primaryKey }) => [name, primaryKey])));
  });

  it("stand parents first", async () => {
    const references = await adopted.sql<{ child: string; parent: string }[]>`
      select c.relname as child, p.relname as parent from pg_constraint as f
      join pg_class as c on c.oid = f.conrelid join pg_class as p on p.oid = f.confrelid
      where f.contype = 'f' and f.connamespace = 'public'::regnamespace`;
    const at = (name: string) => legacyTables.findIndex((table) => table.name === name);
    expect(references).toHaveLength(9);
    for (const { child, parent } of references) expect(at(parent)).toBeLessThan(at(child));
  });

  it("are the same in a database of their own, which may be made twice", async () => {
    await createLegacySchema(made.sql);
    expect(await readColumns(made.sql)).toEqual(await readColumns(adopted.sql));
    expect(await readRest(made.sql)).toEqual(await readRest(adopted.sql));
    expect(await made.sql`select version_num from public.alembic_version`)
      .toEqual([{ version_num: "008" }]);
  });
});
