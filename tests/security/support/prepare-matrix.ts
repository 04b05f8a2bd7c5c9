import type { TestDatabase } from "../../migrations/support/database.ts";
import {
  archiveTables,
  buckets,
  closedTables,
  openTables,
  serviceRoutines,
  userRoutines,
} from "../matrix.ts";
import {
  appendOnlyCells,
  bucketCells,
  type Cell,
  closedRoutineCells,
  closedTableCells,
  foreignCallCells,
  openTableCells,
  sessionCells,
} from "./cells.ts";
import {
  readersOf,
  readObjectColumns,
  readRelations,
  readRoutines,
  type Relation,
  seedCast,
  startMatrixDatabase,
} from "./database.ts";
import type { Cast } from "./rows.ts";

/** Every cell of the matrix. */
export interface MatrixCells {
  /** By schema and table. */
  tables: ReadonlyMap<string, readonly Cell[]>;
  /** By bucket. */
  objects: ReadonlyMap<string, readonly Cell[]>;
  /** By signature. */
  routines: ReadonlyMap<string, readonly Cell[]>;
  /** What is append-only. */
  kept: readonly Cell[];
  /** Functions that look past row level security. */
  calls: readonly Cell[];
  /** These take their session away: tried as the superuser. */
  sessions: readonly Cell[];
}

/** The database of the matrix with who tries it and what is tried. */
export interface Matrix {
  db: TestDatabase;
  cast: Cast;
  relations: Relation[];
  cells: MatrixCells;
}

/** @param before runs ahead of the removal of the users tables */
export async function prepareMatrix(
  before?: (db: TestDatabase) => Promise<void>,
): Promise<Matrix> {
  const db = await startMatrixDatabase(before);
  try {
    const cast = await seedCast(db);
    const relations = await readRelations(db.sql);
    return { db, cast, relations, cells: await prepareCells(db, cast, relations) };
  } catch (error) {
    await db.stop();
    throw error;
  }
}

/** Columns of a table; none for one that is not there. */
export function columnsOf(relations: readonly Relation[], table: string): readonly string[] {
  return relations.find(({ name }) => name === table)?.columns ?? [];
}

async function prepareCells(
  { sql }: TestDatabase,
  cast: Cast,
  relations: readonly Relation[],
): Promise<MatrixCells> {
  const objectColumns = await readObjectColumns(sql);
  const open = Object.keys(openTables)
    .map((name) => [`public.${name}`, openTableCells(cast, name)] as const);
  const closed = [...closedTables, ...archiveTables]
    .map((name) => [name, closedTableCells(cast, name, columnsOf(relations, name))] as const);
  const objects = Object.keys(buckets)
    .map((bucket) => [bucket, bucketCells(cast, bucket, objectColumns, readersOf)] as const);
  const routines = (await readRoutines(sql)).map(({ signature }) => {
    const may = {
      user: userRoutines.includes(signature),
      service: serviceRoutines.includes(signature),
    };
    return [signature, closedRoutineCells(cast, signature, may)] as const;
  });
  return {
    tables: new Map([...open, ...closed]),
    objects: new Map(objects),
    routines: new Map(routines),
    kept: appendOnlyCells(),
    calls: foreignCallCells(cast),
    sessions: sessionCells(cast),
  };
}
