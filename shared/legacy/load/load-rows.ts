import type postgres from "postgres";
import type { LegacyDatabases } from "../context.ts";
import { LegacyError } from "../errors.ts";
import type { LegacyTableName } from "../schema.ts";
import { type AppliedTable, applyStage, type Erased, isMarkOf, toMark } from "./apply.ts";
import {
  type Fingerprint,
  fingerprintLoaded,
  fingerprintSource,
  prepareSession,
} from "./fingerprint.ts";
import { inSnapshot, inTransaction, readSource } from "./in-transaction.ts";
import {
  type LoadColumns,
  type LoadTable,
  loadTables,
  readColumns,
  type VectorColumns,
} from "./relations.ts";
import { openStage, stageTable } from "./stage.ts";

/** What the load of the tables came to. */
export interface RowsReport {
  /** How often rows were copied; 0 when nothing had changed. */
  rounds: number;
  /** One for each table, parents first. */
  tables: AppliedTable[];
  /** Tables to which the legacy application still writes: only with `live`. */
  changing: LegacyTableName[];
  vectors: VectorColumns;
  erased: Erased;
  /** Videos and people whose owner no users row names. */
  unknownOwners: number;
}

/** How far the tables are, in rows of those that have to be copied in this round. */
export type OnRows = (done: number, total: number) => void;

type Databases = Pick<LegacyDatabases, "sql" | "source">;

/** Rounds that copy; one more look tells whether the legacy database stood still meanwhile. */
const maxRounds = 3;

/**
 * Makes the rows of the project that came by load the same as those of the legacy database. Each
 * round reads one moment of it, copies the tables that are not the same into the stage, and takes
 * them over in one transaction. With `live` one round is enough.
 * @throws LegacyError refused when the project is cut over already, when the legacy database has no
 * users any more, or, without `live`, when it is still written to after three rounds
 */
export async function loadRows(
  databases: Databases,
  { live, onRows }: { live: boolean; onRows: OnRows },
): Promise<RowsReport> {
  const limit = live ? 1 : maxRounds;
  const report: RowsReport = {
    rounds: 0,
    tables: loadTables.map(({ name }) => ({ table: name, rows: 0, written: 0, deleted: 0 })),
    changing: [],
    vectors: { carried: [], left: [] },
    erased: { users: 0, people: 0 },
    unknownOwners: 0,
  };
  for (;;) {
    const round = await runRound(databases, report.rounds < limit, onRows);
    collect(report, round);
    if (round.changed.length === 0) return report;
    if (round.applied) continue;
    if (live) return { ...report, changing: round.changed.map(({ table }) => table.name) };
    throw stillWritten(round.changed);
  }
}

function stillWritten(changed: ChangedTable[]): LegacyError {
  return new LegacyError(
    "refused",
    `The legacy database is being written to (${
      changed.map(({ table }) => table.name).join(", ")
    })` +
      ": what it had when the last round began is loaded. Stop the legacy application and run this " +
      "again, or give --live to load while it runs",
  );
}

interface ChangedTable {
  table: LoadTable;
  source: Fingerprint;
}

interface Comparison {
  /** The users tables are not there: a push took them away while there were no users. */
  restore: boolean;
  columns: LoadColumns;
  vectors: VectorColumns;
  unchanged: AppliedTable[];
  changed: ChangedTable[];
}

interface Round extends Comparison {
  applied?: Awaited<ReturnType<typeof applyStage>>;
}

async function runRound(databases: Databases, copy: boolean, onRows: OnRows): Promise<Round> {
  const { sql, source } = databases;
  const found = await inSnapshot(source.sql, async (snapshot) => {
    await readSource(() => prepareSession(snapshot));
    const comparison = await compare(databases, snapshot);
    if (copy) await stageChanges(databases, snapshot, comparison, onRows);
    return comparison;
  });
  if (!copy || found.changed.length === 0) return found;
  const { columns, changed, restore } = found;
  return { ...found, applied: await applyStage({ sql, columns, staged: changed, restore }) };
}

async function compare(
  { sql }: Databases,
  snapshot: postgres.TransactionSql,
): Promise<Comparison> {
  const project = await readProject(sql);
  assertNotCutOver(project);
  const { columns, vectors } = await readSource(() => readColumns(snapshot, project.has));
  const sources: ChangedTable[] = [];
  for (const table of loadTables) {
    const source = await readSource(() => fingerprintSource(snapshot, table, columns));
    sources.push({ table, source });
  }
  assertUsers(sources, project);
  const comparison = { restore: project.restore, columns, vectors };
  if (project.restore) return { ...comparison, unchanged: [], changed: sources };
  const loaded = await readLoaded(sql, columns);
  const isUnchanged = ({ table, source }: ChangedTable) => {
    const own = loaded.get(table.name);
    return own !== undefined && own.mark === toMark(source, own.fingerprint);
  };
  return {
    ...comparison,
    changed: sources.filter((each) => !isUnchanged(each)),
    unchanged: sources.filter(isUnchanged).map(({ table }) => ({
      table: table.name,
      rows: loaded.get(table.name)?.fingerprint.rows ?? 0,
      written: 0,
      deleted: 0,
    })),
  };
}

/** What a load has to know of the project. */
export interface Project {
  restore: boolean;
  /** Users that were removed from `public`. */
  removed: number;
  loadedUsers: boolean;
  /** Whether a column is there, or will be with the users tables. */
  has(table: LegacyTableName, column: string): boolean;
}

/** Reads it. */
export async function readProject(sql: postgres.Sql): Promise<Project> {
  const [row] = await sql<[{
    present: boolean;
    removed: number | null;
    vector: boolean;
    loaded: boolean;
  }]>`
    select to_regclass('public.users') is not null as present,
      (select users_removed from private.legacy_removals) as removed,
      exists (select from pg_extension where extname = 'vector') as vector,
      exists (select from private.legacy_loaded_rows where relation = 'users') as loaded`;
  const columns = await sql<{ path: string }[]>`
    select c.relname || '.' || a.attname as path
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped`;
  const there = new Set(columns.map(({ path }) => path));
  return {
    restore: !row.present,
    removed: row.removed ?? 0,
    loadedUsers: row.loaded,
    has: (table, column) => there.has(`${table}.${column}`) || (!row.present && row.vector),
  };
}

function assertNotCutOver({ removed }: Project): void {
  if (removed === 0) return;
  throw new LegacyError(
    "refused",
    "This project is cut over already: its rows belong to users of Supabase Auth. To load anew, " +
      'run "heimdex legacy rollback" first. Nothing was changed',
  );
}

function assertUsers(sources: ChangedTable[], { loadedUsers }: Project): void {
  const users = sources.find(({ table }) => table.name === "users");
  if (!loadedUsers || users?.source.rows !== 0) return;
  throw new LegacyError(
    "refused",
    "The legacy database has no users any more, and this project has those it had before: check " +
      "LEGACY_DATABASE_URL. Nothing was changed",
  );
}

/** What the last load remembers of each table, and what its rows are now. */
async function readLoaded(sql: postgres.Sql, columns: LoadColumns) {
  return await inTransaction(sql, async (project) => {
    await prepareSession(project);
    const marks = await project<{ relation: string; fingerprint: string }[]>`
      select relation, fingerprint from private.legacy_loads`;
    const loaded = new Map<LegacyTableName, { mark: string; fingerprint: Fingerprint }>();
    for (const table of loadTables) {
      const mark = marks.find(({ relation }) => relation === table.name)?.fingerprint;
      if (mark === undefined) continue;
      const fingerprint = await fingerprintLoaded(project, table, columns);
      loaded.set(table.name, { mark, fingerprint });
    }
    return loaded;
  });
}

async function stageChanges(
  { sql, source }: Databases,
  snapshot: postgres.TransactionSql,
  { columns, changed }: Comparison,
  onRows: OnRows,
): Promise<void> {
  if (changed.length === 0) return;
  const total = changed.reduce((sum, { source: { rows } }) => sum + rows, 0);
  let done = 0;
  await openStage(sql);
  for (const { table, source: expected } of changed) {
    await stageTable({ sql, source, snapshot, columns }, table, expected, (rows) => {
      done += rows;
      onRows(done, total);
    });
  }
}

/**
 * Tables of a separate legacy database that are not what the last load brought: all of them before
 * the first load, none when the legacy tables lie in the project's database.
 */
export async function findWrittenSinceLoad(
  { sql, source }: Databases,
): Promise<LegacyTableName[]> {
  if (!source.separate) return [];
  const project = await readProject(sql);
  const marks = await sql<{ relation: string; fingerprint: string }[]>`
    select relation, fingerprint from private.legacy_loads`;
  return await inSnapshot(source.sql, async (snapshot) => {
    await readSource(() => prepareSession(snapshot));
    const { columns } = await readSource(() => readColumns(snapshot, project.has));
    const written: LegacyTableName[] = [];
    for (const table of loadTables) {
      const found = await readSource(() => fingerprintSource(snapshot, table, columns));
      const mark = marks.find(({ relation }) => relation === table.name)?.fingerprint;
      if (!isMarkOf(mark, found)) written.push(table.name);
    }
    return written;
  });
}

function collect(report: RowsReport, { unchanged, vectors, applied }: Round): void {
  report.vectors = vectors;
  for (const { table, rows, written, deleted } of [...unchanged, ...applied?.tables ?? []]) {
    const entry = report.tables.find((each) => each.table === table);
    if (!entry) continue;
    entry.rows = rows;
    entry.written += written;
    entry.deleted += deleted;
  }
  if (!applied) return;
  report.rounds++;
  report.erased = applied.erased;
  report.unknownOwners = Math.max(report.unknownOwners, applied.unknownOwners);
}
