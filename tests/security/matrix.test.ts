import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestDatabase } from "../migrations/support/database.ts";
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
  appendOnlyCells,
  bucketCells,
  type Cell,
  closedRoutineCells,
  closedTableCells,
  findMismatches,
  foreignCallCells,
  mistakeCells,
  nameCell,
  openByMistake,
  openTableCells,
  sessionCells,
} from "./support/cells.ts";
import { inventPeople } from "./support/claims.ts";
import {
  readersOf,
  readObjectColumns,
  readRelations,
  readRoutines,
  type Relation,
  seedCast,
  startMatrixDatabase,
} from "./support/database.ts";
import type { Cast } from "./support/rows.ts";

let db: TestDatabase;
let cast: Cast;
let relations: Relation[];
let legacyRelations: Relation[];
let legacyMismatches: string[];
let tried = 0;

beforeAll(async () => {
  db = await startMatrixDatabase(async (legacy) => {
    legacyRelations = await readRelations(legacy.sql);
    const identities = inventPeople();
    const cells = legacyTables.flatMap((table) =>
      closedTableCells(identities, table, columnsOf(legacyRelations, table))
    );
    db = legacy;
    legacyMismatches = await mismatches(cells);
  });
  cast = await seedCast(db);
  relations = await readRelations(db.sql);
});
afterAll(async () => {
  process.stdout.write(`RLS matrix through SQL: ${tried} cells\n`);
  await db.stop();
});

const columnsOf = (of: readonly Relation[], table: string) =>
  of.find(({ name }) => name === table)?.columns ?? [];

/** Tries the cells in one transaction as the owner of the tables, who is no superuser. */
async function mismatches(cells: readonly Cell[]): Promise<string[]> {
  tried += cells.length;
  const found = await db.sql.begin((sql) => findMismatches(sql, cells));
  return found.map(({ cell, expected, got }) =>
    `${nameCell(cell)}: expected ${expected}, got ${got}`
  );
}

describe("the matrix knows", () => {
  test("every table of the schemas, before and after the removal of the users tables", () => {
    const open = Object.keys(openTables).map((name) => `public.${name}`);
    const after = [...open, ...closedTables, ...archiveTables].sort();
    expect(relations.map(({ name }) => name)).toEqual(after);
    const before = [...open, ...closedTables, ...legacyTables].sort();
    expect(legacyRelations.map(({ name }) => name)).toEqual(before);
  });

  test.each(Object.entries(openTables))("every column of %s", (name, { columns }) => {
    expect(Object.keys(columns).sort()).toEqual(columnsOf(relations, `public.${name}`).toSorted());
  });

  test("every bucket", async () => {
    const rows = await db.sql`select id from storage.buckets order by id`;
    expect(rows.map(({ id }) => id)).toEqual(Object.keys(buckets).sort());
  });

  test("every function that somebody may call", async () => {
    const routines = await readRoutines(db.sql);
    const names = (open: (routine: (typeof routines)[number]) => boolean) =>
      routines.filter(open).map(({ signature }) => signature);
    expect(names(({ anon }) => anon)).toEqual([]);
    expect(names(({ user }) => user)).toEqual(userRoutines.toSorted());
    expect(names(({ service }) => service)).toEqual(serviceRoutines.toSorted());
  });
});

test("the roles that try it look past no policy, but for the service role", async () => {
  const roles = await db.sql`
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
  expect(await mismatches(openTableCells(cast, name))).toEqual([]);
});

test.each([...closedTables, ...archiveTables])("%s is closed", async (table) => {
  expect(await mismatches(closedTableCells(cast, table, columnsOf(relations, table)))).toEqual([]);
});

test("the legacy tables are closed from the first migration on", () => {
  expect(legacyMismatches).toEqual([]);
});

test.each(closedTables)("%s stays closed when opened by mistake", async (table) => {
  const undo = new Error("undo");
  const attempt = db.sql.begin(async (sql) => {
    await sql.unsafe(openByMistake(table)).simple();
    tried++;
    expect(await findMismatches(sql, mistakeCells(cast, table))).toEqual([]);
    throw undo;
  });
  await expect(attempt).rejects.toBe(undo);
});

test.each(Object.keys(buckets))("bucket %s", async (bucket) => {
  const columns = await readObjectColumns(db.sql);
  expect(await mismatches(bucketCells(cast, bucket, columns, readersOf))).toEqual([]);
});

test("what is append-only stays as it is, whoever asks", async () => {
  expect(await mismatches(appendOnlyCells())).toEqual([]);
});

test("a session ends with whatever ends it in Supabase Auth, and with an erasure", async () => {
  const cells = sessionCells(cast);
  tried += cells.length;
  const found = await db.admin.begin((sql) => findMismatches(sql, cells));
  expect(found.map(({ cell, got }) => `${nameCell(cell)}: got ${got}`)).toEqual([]);
});

test("functions answer those only who may call them", async () => {
  const cells = (await readRoutines(db.sql)).flatMap(({ signature }) =>
    closedRoutineCells(cast, signature, {
      user: userRoutines.includes(signature),
      service: serviceRoutines.includes(signature),
    })
  );
  expect(await mismatches(cells)).toEqual([]);
});

test("functions that look past row level security refuse the ids of others", async () => {
  expect(await mismatches(foreignCallCells(cast))).toEqual([]);
});
