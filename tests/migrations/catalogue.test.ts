import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatTypes, readCatalogue } from "../../tools/database-types/mod.ts";
import { readMigrations, startDatabase, type TestDatabase } from "./support/database.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await startDatabase();
});
afterAll(() => db.stop());

describe("tables", () => {
  test("all have row level security and a policy", async () => {
    const bare = await db.sql`
      select c.oid::regclass::text as relation from pg_class c
      where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text in ('public', 'private')
        and (not c.relrowsecurity or not exists (select from pg_policy p where p.polrelid = c.oid))`;
    expect(bare).toEqual([]);
  });

  test("those a client may read have the live-session policy", async () => {
    const open = await db.sql`
      select c.relname from pg_class c
      where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
        and has_table_privilege('authenticated', c.oid, 'select')
        and not exists (
          select from pg_policies p
          where p.schemaname = 'public' and p.tablename = c.relname and p.permissive = 'RESTRICTIVE'
            and p.cmd = 'ALL' and p.roles = '{authenticated}' and p.qual like '%session_is_live%')`;
    expect(open).toEqual([]);
  });

  test("give anon and public nothing", async () => {
    const grants = await db.sql`
      select table_schema, table_name, grantee, privilege_type from information_schema.role_table_grants
      where table_schema in ('public', 'private') and grantee in ('anon', 'PUBLIC')`;
    expect(grants).toEqual([]);
  });

  test("give authenticated SELECT on public tables and UPDATE on named columns only", async () => {
    const tables = await db.sql`
      select distinct table_schema, privilege_type from information_schema.role_table_grants
      where table_schema in ('public', 'private') and grantee = 'authenticated'`;
    expect(tables).toEqual([{ table_schema: "public", privilege_type: "SELECT" }]);
    const columns = await db.sql`
      select table_name || '.' || column_name as name from information_schema.column_privileges
      where table_schema in ('public', 'private') and grantee = 'authenticated' and privilege_type <> 'SELECT'
      order by 1`;
    expect(columns.map(({ name }) => name)).toEqual([
      "face_profiles.name",
      "video_metadata.description",
      "video_metadata.tags",
      "video_metadata.title",
      "videos.language",
    ]);
  });

  test("have an index that begins with the columns of each foreign key", async () => {
    const missing = await db.sql`
      select c.conrelid::regclass::text as relation, c.conname from pg_constraint c
      where c.contype = 'f' and c.connamespace::regnamespace::text in ('public', 'private')
        and not exists (
          select from pg_index i
          where i.indrelid = c.conrelid and i.indpred is null
            and (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(c.conkey)] @> c.conkey)`;
    expect(missing).toEqual([]);
  });

  test("have an index that begins with user_id wherever a policy compares it", async () => {
    const missing = await db.sql`
      select a.attrelid::regclass::text as relation from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      join pg_policies p on p.schemaname = 'public' and p.tablename = c.relname
      where c.relkind = 'r' and a.attname = 'user_id' and p.qual like '%user_id =%'
        and not exists (
          select from pg_index i where i.indrelid = a.attrelid and i.indkey[0] = a.attnum)`;
    expect(missing).toEqual([]);
  });

  test("have no two indexes alike", async () => {
    const doubled = await db.sql`
      select array_agg(indexname) as names from pg_indexes where schemaname in ('public', 'private')
      group by tablename, regexp_replace(indexdef, '^CREATE (UNIQUE )?INDEX \\S+ ', '') having count(*) > 1`;
    expect(doubled).toEqual([]);
  });

  test("have no foreign key to auth.users", async () => {
    expect(
      await db
        .sql`select conname from pg_constraint where contype = 'f' and confrelid = 'auth.users'::regclass
      and connamespace::regnamespace::text in ('public', 'private')`,
    ).toEqual([]);
  });
});

describe("policies", () => {
  test("are one a table, command and role among those that permit", async () => {
    const doubled = await db.sql`
      select schemaname, tablename, cmd, roles from pg_policies
      where permissive = 'PERMISSIVE' and schemaname in ('public', 'storage')
      group by 1, 2, 3, 4 having count(*) > 1`;
    expect(doubled).toEqual([]);
  });

  test("name their role, and a name is used once", async () => {
    const [row] = await db.sql`
      select count(*) filter (where permissive = 'PERMISSIVE' and roles <> '{authenticated}') as unnamed,
        count(*) - count(distinct policyname) as repeated
      from pg_policies where schemaname in ('public', 'private', 'storage')`;
    expect(row).toEqual({ unnamed: 0, repeated: 0 });
  });

  test("ask for the user once a statement and never look at user_metadata", async () => {
    const policies = await db.sql`
      select policyname, coalesce(qual, '') || ' ' || coalesce(with_check, '') as text
      from pg_policies where schemaname in ('public', 'storage')`;
    for (const { policyname, text } of policies) {
      const calls = text.match(/\w+\.(uid|jwt|list_\w+|session_is_live)\(\)/g) ?? [];
      const wrapped = text.match(/SELECT (\w+\.\w+\(\))/g) ?? [];
      expect(wrapped.length, policyname).toBe(calls.length);
      expect(text, policyname).not.toContain("user_metadata");
    }
  });

  test("of updates check the row before and after", async () => {
    expect(
      await db.sql`select policyname from pg_policies
      where schemaname = 'public' and cmd in ('UPDATE', 'ALL') and (qual is null or with_check is null)`,
    ).toEqual([]);
  });
});

describe("functions", () => {
  test("have an empty search_path", async () => {
    const loose = await db.sql`
      select p.oid::regprocedure::text as routine from pg_proc p
      where p.pronamespace::regnamespace::text in ('public', 'private') and p.prokind = 'f'
        and not coalesce(p.proconfig, '{}') @> array['search_path=""']`;
    expect(loose).toEqual([]);
  });

  test("are closed to public and anon", async () => {
    const open = await db.sql`
      select p.oid::regprocedure::text as routine from pg_proc p
      where p.pronamespace::regnamespace::text in ('public', 'private')
        and has_function_privilege('anon', p.oid, 'execute')`;
    expect(open).toEqual([]);
  });

  test("that look past row level security are in private, and docs/security.md gives the reason", async () => {
    const definers = await db.sql<{ schema: string; name: string }[]>`
      select p.pronamespace::regnamespace::text as schema, p.proname as name from pg_proc p
      where p.prosecdef and p.pronamespace::regnamespace::text in ('public', 'private')`;
    const page = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
    expect(definers.length).toBeGreaterThan(10);
    for (const { schema, name } of definers) {
      expect(schema, name).toBe("private");
      expect(page).toContain(`\`private.${name}\``);
    }
  });

  test("that a policy calls can be called by authenticated", async () => {
    const rows = await db.sql`
      select name, has_function_privilege('authenticated', 'private.' || name || '()', 'execute') as granted
      from unnest(array['session_is_live', 'list_own_organizations', 'list_managed_organizations',
        'list_deleted_videos']) as name`;
    expect(rows.every(({ granted }) => granted)).toBe(true);
  });

  test("have a comment above them that says what they return", async () => {
    for (const { name, text } of await readMigrations()) {
      for (
        const [, comment, routine] of text.matchAll(
          /((?:^--.*\n)*)^create or replace function (\S+?)\(/gm,
        )
      ) {
        expect(comment, `${name} ${routine}`).toMatch(/[Ss]ecurity definer/);
        expect(comment, `${name} ${routine}`).toMatch(/Returns|returns|Trigger function/);
      }
    }
  });
});

test("docs/security.md lists every use of the service door", async () => {
  const root = new URL("../../", import.meta.url);
  const page = await Deno.readTextFile(new URL("docs/security.md", root));
  const users: string[] = [];
  for (const folder of ["shared/", "supabase/functions/"]) {
    for await (const path of listSources(new URL(folder, root))) {
      if (/\.asService\(/.test(await Deno.readTextFile(path))) {
        users.push(path.href.slice(root.href.length));
      }
    }
  }
  expect(users).not.toHaveLength(0);
  for (const path of users) expect(page).toContain(`\`${path}\``);
});

async function* listSources(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) yield* listSources(new URL(`${entry.name}/`, folder));
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, folder);
  }
}

test("shared/database/types.ts is what the catalogue says: run npm run types", async () => {
  const written = await Deno.readTextFile(
    new URL("../../shared/database/types.ts", import.meta.url),
  );
  expect(formatTypes(await readCatalogue(db.sql))).toBe(written);
});
