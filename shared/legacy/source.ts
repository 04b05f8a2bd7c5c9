import postgres from "postgres";
import { isPooler } from "../database/connection.ts";
import { LegacyError } from "./errors.ts";
import { legacyRevision, type LegacyTable, legacyTables } from "./schema.ts";

/** Where the legacy tables are read. */
export interface LegacySource {
  /** The legacy database, every transaction read only. `bigint` and `numeric` come as text. */
  sql: postgres.Sql;
  /** Whether it is another database than the project's: then rows and objects have to be loaded. */
  separate: boolean;
  /** The project's database, which must be another one when `separate`. */
  projectSql: postgres.Sql;
  /** Ends the connections that were opened for it; the project's stay open. */
  close(): Promise<void>;
}

const connectTimeoutSeconds = 5;

/**
 * Setting of a connection whose statements may take as long as they need: hosted roles end one
 * after two minutes. In milliseconds, the longest there is, because the driver leaves out zeros.
 */
export const patience = { statement_timeout: 2_147_483_647 } as const;

/**
 * Opens the legacy database: the one at `legacyUrl`, else the project's own at `projectUrl`, on
 * connections that cannot write (a pooler's can). Nothing connects before the first statement.
 */
export function openLegacySource(o: {
  legacyUrl?: string;
  projectUrl: string;
  projectSql: postgres.Sql;
}): LegacySource {
  const url = o.legacyUrl ?? o.projectUrl;
  const sql = postgres(url, {
    max: 2,
    prepare: !isPooler(url),
    connect_timeout: connectTimeoutSeconds,
    onnotice: () => {},
    connection: {
      application_name: "heimdex legacy",
      // Poolers refuse settings they do not know.
      ...(isPooler(url) ? {} : { default_transaction_read_only: true, ...patience }),
    },
  });
  return {
    sql,
    separate: o.legacyUrl !== undefined,
    projectSql: o.projectSql,
    close: () => sql.end({ timeout: 1 }),
  };
}

/**
 * Looks at the legacy database before anything is done with it.
 * @throws LegacyError (usage) when it is the project's own database although it should be another
 * one, when a table or column is missing or of another type, when it stands at another revision,
 * or when an e-mail is missing or stands twice; each is named
 */
export async function checkLegacySource(source: LegacySource): Promise<void> {
  if (source.separate && await isSameDatabase(source)) {
    throw new LegacyError(
      "usage",
      "LEGACY_DATABASE_URL leads to the project's own database: take it away when the legacy " +
        "tables already lie there, or name the legacy database. Nothing was changed",
    );
  }
  await checkRevision(source);
  await checkColumns(source);
  await checkEmails(source);
}

/** Advisory locks belong to one database, so that the second taker tells whether it is the same. */
async function isSameDatabase({ sql, projectSql }: LegacySource): Promise<boolean> {
  const key = crypto.getRandomValues(new BigInt64Array(1))[0]?.toString() ?? "0";
  const result = await projectSql.begin(async (project) => {
    await project`select pg_advisory_xact_lock(${key}::bigint)`;
    const [row] = await sql<{ free: boolean }[]>`
      select pg_try_advisory_xact_lock(${key}::bigint) as free`;
    return { same: row?.free === false };
  });
  return result.same;
}

async function checkRevision({ sql }: LegacySource): Promise<void> {
  const [found] = await sql<{ there: boolean }[]>`
    select to_regclass('public.alembic_version') is not null as there`;
  if (!found?.there) return;
  const rows = await sql<{ version_num: string }[]>`select version_num from public.alembic_version`;
  const revisions = rows.map((row) => row.version_num);
  const [revision] = revisions;
  if (revisions.length === 1 && revision !== undefined && isExpected(revision)) return;
  throw new LegacyError(
    "usage",
    `The legacy database stands at revision ${revisions.join(" and ") || "none"} instead of ` +
      `${legacyRevision}: bring it there with alembic. Nothing was changed`,
  );
}

function isExpected(revision: string): boolean {
  return revision === legacyRevision || revision.startsWith(`${legacyRevision}_`);
}

interface ActualColumn {
  relation: string;
  name: string;
  type: string;
  not_null: boolean;
}

async function checkColumns(source: LegacySource): Promise<void> {
  const actual = await source.sql<ActualColumn[]>`
    select c.relname as relation, a.attname as name, a.attnotnull as not_null,
      regexp_replace(format_type(a.atttypid, a.atttypmod), '^"?\\w+"?\\.', '') as type
    from pg_class as c
    join pg_attribute as a on c.oid = a.attrelid
    where c.relnamespace = to_regnamespace('public') and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped
      and c.relname = any(${legacyTables.map(({ name }) => name)})`;
  const differences = legacyTables.flatMap((table) =>
    compareTable(table, actual.filter(({ relation }) => relation === table.name), source.separate)
  );
  if (actual.every(({ relation }) => relation !== "users")) throw noUsers(source);
  if (differences.length === 0) return;
  throw new LegacyError(
    "usage",
    `The legacy database is not at its last revision: ${differences.join("; ")}. Bring it to ` +
      `revision ${legacyRevision} and run this again. Nothing was changed`,
  );
}

function noUsers({ separate }: LegacySource): LegacyError {
  return new LegacyError(
    "usage",
    separate
      ? "The database of LEGACY_DATABASE_URL has no table public.users: name the legacy database. " +
        "Nothing was changed"
      : "This project has no legacy users: set LEGACY_DATABASE_URL to the legacy database. " +
        "Nothing was changed",
  );
}

/** Unknown columns count only in a database of its own: the project's migrations add some. */
function compareTable(
  { name, columns }: LegacyTable,
  actual: ActualColumn[],
  separate: boolean,
): string[] {
  if (actual.length === 0) return [`table ${name} is missing`];
  const known = columns.flatMap((column) => {
    const found = actual.find((row) => row.name === column.name);
    const path = `${name}.${column.name}`;
    if (!found) return column.optional ? [] : [`${path} is missing`];
    if (found.type !== column.type) return [`${path} is ${found.type} instead of ${column.type}`];
    if (column.notNull === null || !separate || found.not_null === column.notNull) return [];
    // The rows decide on this one: checkEmails says whose e-mail is missing.
    if (path === "users.email") return [];
    return [`${path} is ${found.not_null ? "not null" : "nullable"}`];
  });
  const names = new Set(columns.map((column) => column.name));
  const unknown = separate ? actual.filter((row) => !names.has(row.name)) : [];
  return [...known, ...unknown.map((row) => `${name}.${row.name} is not known`)];
}

async function checkEmails({ sql }: LegacySource): Promise<void> {
  const missing = await sql<{ user_id: string }[]>`
    select user_id from public.users where email is null or btrim(email) = ''
    order by user_id limit 5`;
  if (missing.length > 0) throw badEmails("have no e-mail", missing);
  const repeated = await sql<{ user_id: string }[]>`
    select min(user_id::text) as user_id from public.users
    group by email having count(*) > 1 order by 1 limit 5`;
  if (repeated.length > 0) throw badEmails("have the e-mail of another one", repeated);
}

function badEmails(what: string, rows: { user_id: string }[]): LegacyError {
  return new LegacyError(
    "usage",
    `Legacy users ${what}: ${rows.map((row) => row.user_id).join(", ")}` +
      `${rows.length === 5 ? " and perhaps more" : ""}. Repair these rows and run this again. ` +
      "Nothing was changed",
  );
}
