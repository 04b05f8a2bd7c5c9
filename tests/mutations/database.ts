import type { Sql } from "../migrations/support/database.ts";
import { archiveTables, closedTables, openTables, vectorTables } from "../security/matrix.ts";
import {
  type Cell,
  findMismatches,
  mistakeCells,
  nameCell,
  openByMistake,
} from "../security/support/cells.ts";
import { startVectorDatabase } from "../search-vectors/support.ts";
import { inventPeople } from "../security/support/claims.ts";
import {
  type Matrix,
  type MatrixCells,
  prepareMatrix,
} from "../security/support/prepare-matrix.ts";
import { routinePatches } from "./routines.ts";
import type { Verdict } from "./report.ts";

interface Mutation {
  kind: string;
  name: string;
  /** Changes the database; taken back afterwards. */
  sql: string;
  /** Rows of the matrix that could notice it. */
  cells: readonly Cell[];
  /** The file that tries them; default is matrix.test.ts. */
  file?: string;
}

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Tries every mutation of the database in one that is prepared once, each in its own transaction. */
export async function mutateDatabase(tell: (verdict: Verdict) => void): Promise<void> {
  const matrix = await prepareMatrix();
  const { db } = matrix;
  try {
    await expectSound(db.admin, matrix.cells);
    for await (const mutation of listMutations(matrix)) {
      tell(await tryMutation(db.admin, mutation));
    }
  } finally {
    await db.stop();
  }
}

/** The policies of the tables that are there with pgvector only, in a PostgreSQL that has it. */
export async function mutateVectorTables(tell: (verdict: Verdict) => void): Promise<void> {
  const db = await startVectorDatabase();
  try {
    const people = inventPeople();
    const policies = await db.sql<{ name: string; table: string }[]>`
      select policyname as name, schemaname || '.' || tablename as table from pg_policies
      where schemaname || '.' || tablename = any(${[...vectorTables]}) order by 1`;
    for (const { name, table } of policies) {
      const verdict = await tryMutation(db.sql, {
        kind: "policy removed",
        name: `${name} (on ${table})`,
        sql: `${openByMistake(table)} drop policy ${quote(name)} on ${table}`,
        cells: mistakeCells(people, table),
        file: "tests/search-vectors/vectors.test.ts",
      });
      tell(verdict);
    }
  } finally {
    await db.stop();
  }
}

/** A matrix that fails before anything is changed would notice every change. */
async function expectSound(sql: Sql, cells: MatrixCells): Promise<void> {
  const { tables, objects, routines, kept, calls, sessions } = cells;
  const all = [tables, objects, routines].flatMap((some) => [...some.values()].flat())
    .concat(kept, calls, sessions);
  const wrong = await sql.begin((transaction) => findMismatches(transaction, all));
  if (wrong.length > 0) {
    throw new Error(
      `The matrix fails without a mutation: ${
        wrong.map(({ cell, got }) => `${nameCell(cell)} got ${got}`).join("; ")
      }`,
    );
  }
}

async function tryMutation(
  sql: Sql,
  { kind, name, sql: change, cells, file = "tests/security/matrix.test.ts" }: Mutation,
): Promise<Verdict> {
  const undo = new Error("undo");
  let verdict: Verdict = { kind, mutation: name, killer: undefined };
  await sql.begin(async (transaction) => {
    await transaction.unsafe(change).simple();
    const [first] = await findMismatches(transaction, cells);
    if (first) {
      const { cell, expected, got } = first;
      const row = `${nameCell(cell)} (expected ${expected}, got ${got})`;
      verdict = { ...verdict, killer: `${file}, ${row}` };
    }
    throw undo;
  }).catch((error: unknown) => {
    if (error !== undo) throw new Error(`Cannot try ${kind}: ${name}`, { cause: error });
  });
  return verdict;
}

async function* listMutations(matrix: Matrix): AsyncGenerator<Mutation> {
  yield* policyMutations(matrix);
  yield* tableMutations(matrix.cells);
  yield* grantMutations(matrix.cells);
  yield* await triggerMutations(matrix);
  yield* await routineMutations(matrix);
}

async function* policyMutations(
  { db: { sql }, cast, cells }: Matrix,
): AsyncGenerator<Mutation> {
  const { tables } = cells;
  const policies = await sql<{ name: string; table: string; permissive: boolean; cmd: string }[]>`
    select policyname as name, schemaname || '.' || tablename as table,
      permissive = 'PERMISSIVE' as permissive, cmd
    from pg_policies where schemaname in ('public', 'private', 'storage') order by 2, 1`;
  for (const { name, table, permissive, cmd } of policies) {
    const isClosed = closedTables.includes(table);
    const opened = isClosed ? openByMistake(table) : "";
    const noticing = table === "storage.objects"
      ? allObjects(cells)
      : isClosed
      ? mistakeCells(cast, table)
      : tables.get(table) ?? [];
    yield {
      kind: "policy removed",
      name: `${name} (on ${table})`,
      sql: `${opened} drop policy ${quote(name)} on ${table}`,
      cells: noticing,
    };
    if (!permissive) continue;
    yield {
      kind: "policy that allows every row",
      name: `${name} (on ${table})`,
      sql: `alter policy ${quote(name)} on ${table} using (true) ${
        cmd === "UPDATE" ? "with check (true)" : ""
      }`,
      cells: noticing,
    };
  }
}

function* tableMutations(cells: MatrixCells): Generator<Mutation> {
  const secured = new Map([...cells.tables, ["storage.objects", allObjects(cells)] as const]);
  for (const [table, noticing] of secured) {
    if (closedTables.includes(table) || archiveTables.includes(table)) continue;
    yield {
      kind: "row level security off",
      name: table,
      sql: `alter table ${table} disable row level security`,
      cells: noticing,
    };
  }
}

/** Cells of every bucket: the objects of all stand in one table. */
function allObjects({ objects }: MatrixCells): Cell[] {
  return [...objects.values()].flat();
}

function* grantMutations({ tables, routines }: MatrixCells): Generator<Mutation> {
  for (const [table, noticing] of tables) {
    const [schema = "", name = ""] = table.split(".");
    const usage = `grant usage on schema ${schema} to anon, authenticated, service_role;`;
    const open = openTables[name];
    const isOpen = schema === "public" && open !== undefined;
    for (const role of ["anon", "authenticated", "service_role"]) {
      for (const right of ["select", "insert", "update", "delete", "truncate"]) {
        const isGranted = isOpen &&
          (role === "authenticated" ? right === "select" : role === "service_role" &&
            (right === "select" || open.service.some((granted) => granted === right)));
        if (isGranted) continue;
        yield {
          kind: "grant",
          name: `${right} on ${table} to ${role}`,
          sql: `${usage} grant ${right} on ${table} to ${role}`,
          cells: askedBy(role, noticing),
        };
      }
    }
    for (const [column, rule] of isOpen ? Object.entries(open.columns) : []) {
      if (rule !== "server") continue;
      yield {
        kind: "grant of a column",
        name: `update of ${table}.${column} to authenticated`,
        sql: `grant update (${column}) on ${table} to authenticated`,
        cells: askedBy("authenticated", noticing),
      };
    }
  }
  for (const [signature, noticing] of routines) {
    for (const { actor } of noticing) {
      const role = actor === "anon"
        ? "anon"
        : actor === "service"
        ? "service_role"
        : "authenticated";
      if (actor === "admin") continue;
      yield {
        kind: "grant of a function",
        name: `execute on ${signature} to ${role}`,
        sql:
          `grant usage on schema private to ${role}; grant execute on function ${signature} to ${role}`,
        cells: askedBy(role, noticing),
      };
    }
  }
}

/** A grant to a role shows with whoever has it; of the signed-in users one is enough. */
function askedBy(role: string, cells: readonly Cell[]): Cell[] {
  return cells.filter(({ actor, attempt }) =>
    attempt.role === role && (role !== "authenticated" || actor === "owner")
  );
}

async function triggerMutations({ db, cells }: Matrix): Promise<Mutation[]> {
  const triggers = await db.sql<{ name: string; table: string }[]>`
    select t.tgname as name, t.tgrelid::regclass::text as table
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid
    where p.proname in ('refuse_consent_change', 'keep_audit_event') order by 1`;
  return triggers.map(({ name, table }) => ({
    kind: "append-only trigger removed",
    name: `${name} (on ${table})`,
    sql: `drop trigger ${quote(name)} on ${table}`,
    cells: cells.kept,
  }));
}

async function routineMutations({ db: { sql }, cells }: Matrix): Promise<Mutation[]> {
  const noticing: Record<string, readonly Cell[]> = {
    sessions: cells.sessions,
    calls: cells.calls,
    rows: [...cells.tables].filter(([table]) => table.startsWith("public."))
      .flatMap(([, some]) => some),
    objects: allObjects(cells),
  };
  return await Promise.all(
    routinePatches.map(async ({ routine, what, find, replace, noticed }) => {
      const [row] = await sql<{ definition: string }[]>`
        select pg_get_functiondef(p.oid) as definition from pg_proc p
        where p.pronamespace = 'private'::regnamespace and p.proname = ${routine}`;
      const parts = row?.definition.split(find) ?? [];
      if (parts.length < 2) throw new Error(`private.${routine} holds no "${find}"`);
      return {
        kind: "check in a function removed",
        name: `private.${routine}: ${what}`,
        sql: parts.join(replace),
        cells: noticing[noticed] ?? [],
      };
    }),
  );
}
