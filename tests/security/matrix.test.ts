import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  archiveTables,
  buckets,
  closedTables,
  legacyTables,
  openTables,
  serviceRoutines,
  userRoutines,
} from "./matrix.ts";
import {
  type Cell,
  closedTableCells,
  findMismatches,
  mistakeCells,
  nameCell,
  openByMistake,
} from "./support/cells.ts";
import { inventPeople } from "./support/claims.ts";
import { readRelations, readRoutines, type Relation } from "./support/database.ts";
import { columnsOf, type Matrix, prepareMatrix } from "./support/prepare-matrix.ts";

let matrix: Matrix;
let legacyRelations: Relation[];
let legacyMismatches: string[];
let tried = 0;

beforeAll(async () => {
  matrix = await prepareMatrix(async ({ sql }) => {
    legacyRelations = await readRelations(sql);
    const identities = inventPeople();
    const cells = legacyTables.flatMap((table) =>
      closedTableCells(identities, table, columnsOf(legacyRelations, table))
    );
    legacyMismatches = await mismatches(cells, sql);
  });
});
afterAll(async () => {
  process.stdout.write(`RLS matrix through SQL: ${tried} cells\n`);
  await matrix.db.stop();
});

/** Tries the cells in one transaction as the owner of the tables, who is no superuser. */
async function mismatches(cells: readonly Cell[] = [], sql = matrix.db.sql): Promise<string[]> {
  expect(cells).not.toHaveLength(0);
  tried += cells.length;
  const found = await sql.begin((sql) => findMismatches(sql, cells));
  return found.map(({ cell, expected, got }) =>
    `${nameCell(cell)}: expected ${expected}, got ${got}`
  );
}

describe("the matrix knows", () => {
  test("every table of the schemas, before and after the removal of the users tables", () => {
    const open = Object.keys(openTables).map((name) => `public.${name}`);
    const after = [...open, ...closedTables, ...archiveTables].sort();
    expect(matrix.relations.map(({ name }) => name)).toEqual(after);
    const before = [...open, ...closedTables, ...legacyTables].sort();
    expect(legacyRelations.map(({ name }) => name)).toEqual(before);
  });

  test.each(Object.entries(openTables))("every column of %s", (name, { columns }) => {
    expect(Object.keys(columns).sort()).toEqual(
      columnsOf(matrix.relations, `public.${name}`).toSorted(),
    );
  });

  test("every bucket", async () => {
    const rows = await matrix.db.sql`select id from storage.buckets order by id`;
    expect(rows.map(({ id }) => id)).toEqual(Object.keys(buckets).sort());
  });

  test("every function that somebody may call", async () => {
    const routines = await readRoutines(matrix.db.sql);
    const names = (open: (routine: (typeof routines)[number]) => boolean) =>
      routines.filter(open).map(({ signature }) => signature);
    expect(names(({ anon }) => anon)).toEqual([]);
    expect(names(({ user }) => user)).toEqual(userRoutines.toSorted());
    expect(names(({ service }) => service)).toEqual(serviceRoutines.toSorted());
  });
});

test("the roles that try it look past no policy, but for the service role", async () => {
  const roles = await matrix.db.sql`
    select rolname, rolsuper, rolbypassrls from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'postgres') order by 1`;
  expect(roles.map(({ rolname, rolsuper, rolbypassrls }) => [rolname, rolsuper, rolbypassrls]))
    .toEqual([
      ["anon", false, false],
      ["authenticated", false, false],
      ["postgres", false, true],
      ["service_role", false, true],
    ]);
});

test.each(Object.keys(openTables))("public.%s", async (name) => {
  expect(await mismatches(matrix.cells.tables.get(`public.${name}`))).toEqual([]);
});

test.each([...closedTables, ...archiveTables])("%s is closed", async (table) => {
  expect(await mismatches(matrix.cells.tables.get(table))).toEqual([]);
});

test("the legacy tables are closed from the first migration on", () => {
  expect(legacyMismatches).toEqual([]);
});

test.each(closedTables)("%s stays closed when opened by mistake", async (table) => {
  const undo = new Error("undo");
  const attempt = matrix.db.sql.begin(async (sql) => {
    await sql.unsafe(openByMistake(table)).simple();
    tried++;
    expect(await findMismatches(sql, mistakeCells(matrix.cast, table))).toEqual([]);
    throw undo;
  });
  await expect(attempt).rejects.toBe(undo);
});

test.each(Object.keys(buckets))("bucket %s", async (bucket) => {
  expect(await mismatches(matrix.cells.objects.get(bucket))).toEqual([]);
});

test("what is append-only stays as it is, whoever asks", async () => {
  expect(await mismatches(matrix.cells.kept)).toEqual([]);
});

test("a session ends with whatever ends it in Supabase Auth, and with an erasure", async () => {
  expect(await mismatches(matrix.cells.sessions, matrix.db.admin)).toEqual([]);
});

test("functions answer those only who may call them", async () => {
  expect(await mismatches([...matrix.cells.routines.values()].flat())).toEqual([]);
});

test("functions that look past row level security refuse the ids of others", async () => {
  expect(await mismatches(matrix.cells.calls)).toEqual([]);
});
