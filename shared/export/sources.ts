import type { Transaction } from "../database/doors.ts";
import { manifest } from "../erasure/manifest.ts";
import type { Finder, Fragment, Scope, TableRule } from "../erasure/manifest-rules.ts";
import { buckets, exportPrefix, userPrefixes } from "../storage/keys.ts";

/** Where the next page of a source begins: its branch, and the key of the last row before it. */
export interface Position {
  branch: number;
  /** Key columns as text; empty at the beginning of the branch. */
  after: string[];
}

/** Some rows as NDJSON, each line with its line feed; `next` is absent after the last page. */
export interface Page {
  text: string;
  rows: number;
  next?: Position;
}

/** Whose data are read, and for which export. */
export interface Subject {
  userId: string;
  exportId: string;
}

/** Limits of one page. */
export interface PageSize {
  pageRows: number;
  pageBytes: number;
}

/** One NDJSON file of an export: the rows of one table, or the list of stored objects. */
export interface Source {
  /** Also the name of the file, before `.ndjson`. */
  readonly name: string;
  /**
   * Reads one page, ordered by key. Needs the service door.
   * @throws as the door does
   */
  read(sql: Transaction, subject: Subject, at: Position, size: PageSize): Promise<Page>;
}

/** The first position of every source. */
export const start: Position = { branch: 0, after: [] };

type ExportedTable = Pick<TableRule, "name" | "exported" | "rows">;

/** Sessions belong to Supabase Auth, so the manifest does not list them. */
const sessions: ExportedTable = {
  name: "auth.sessions",
  exported: ["created_at", "refreshed_at", "user_agent", "ip", "aal"],
  rows: (sql, { userId }) => [sql`t.user_id = ${userId}::uuid`],
};

/**
 * Every source of an export, in the order of its files: the tables of the erasure manifest that
 * have exported columns and exist, the sessions, the stored objects. Needs the service door.
 * @throws as the door does
 */
export async function readSources(sql: Transaction): Promise<Source[]> {
  const tables = [...manifest.tables, sessions].filter((table) => table.exported.length > 0);
  const keys = await readPrimaryKeys(sql, tables.map((table) => table.name));
  const sources = tables.flatMap(({ name, exported, rows }) => {
    const key = keys.get(name);
    return key && rows ? [tableSource({ name, exported, key, rows })] : [];
  });
  return [...sources, objectSource];
}

async function readPrimaryKeys(
  sql: Transaction,
  names: string[],
): Promise<Map<string, string[]>> {
  const rows = await sql<{ name: string; key: string[] }[]>`
    select n.nspname || '.' || c.relname as name, array(
      select a.attname::text
      from unnest(i.indkey::smallint[]) with ordinality as k (number, place)
      join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.number
      order by k.place
    ) as key
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_index as i on i.indrelid = c.oid and i.indisprimary
    where n.nspname || '.' || c.relname = any(${names}::text[])
  `;
  return new Map(rows.map((row) => [row.name, row.key]));
}

function tableSource(
  table: { name: string; exported: readonly string[]; key: string[]; rows: Finder },
): Source {
  const { name, exported, key } = table;
  return {
    name: name.replace(/^public\./, ""),
    read: async (sql, { userId }, { branch, after }, size) => {
      const finders = table.rows(sql, toScope(userId));
      const found = finders[branch];
      if (!found) return { text: "", rows: 0 };
      // Rows of an earlier branch are in the file already. A comparison with null is neither.
      const earlier = finders.slice(0, branch).map((one) => sql`and (${one}) is not true`);
      const page = await readPage(sql, size, {
        key,
        rows: sql`
          select ${sql([...new Set([...exported, ...key])])} from ${sql(name)} as t
          where (${found}) ${join(sql, earlier)} ${isAfter(sql, key, after)}
          order by ${columns(sql, key)} limit ${size.pageRows}`,
        json: sql`row_to_json((select r from (select ${sql([...exported])}) as r))`,
      });
      return toPage(page, branch, finders.length);
    },
  };
}

/**
 * The stored objects below the user's prefixes, then those the user owns elsewhere. The zips of
 * the export itself are left out.
 */
const objectSource: Source = {
  name: "objects",
  read: async (sql, subject, { branch, after }, size) => {
    const folders = userPrefixes(subject.userId);
    const folder = folders[branch];
    const where = folder
      ? inFolder(sql, folder)
      : sql`o.owner_id = ${subject.userId} and o.bucket_id = any(${Object.values(buckets)}::text[])
        and not (${joinOr(sql, folders.map((one) => inFolder(sql, one)))})`;
    const own = exportPrefix(subject.userId, subject.exportId);
    const key = ["bucket", "key"];
    const page = await readPage(sql, size, {
      key,
      rows: sql`
        select * from (
          select o.bucket_id as bucket, o.name collate "C" as key,
            (o.metadata ->> 'size')::bigint as size_bytes, o.metadata ->> 'mimetype' as content_type,
            o.created_at
          from storage.objects as o
          where ${where} and not (o.bucket_id = ${buckets.exports} and starts_with(o.name, ${own}))
        ) as t
        where true ${isAfter(sql, key, after)}
        order by bucket, key limit ${size.pageRows}`,
      json: sql`row_to_json(page)`,
    });
    return toPage(page, branch, folders.length + 1);
  },
};

// Bounds instead of a pattern: they are served by Storage's index over bucket and name.
function inFolder(sql: Transaction, { bucket, prefix }: { bucket: string; prefix: string }) {
  const end = `${prefix.slice(0, -1)}0`;
  return sql`(o.bucket_id = ${bucket} and o.name collate "C" >= ${prefix}
    and o.name collate "C" < ${end})`;
}

interface PageRow {
  text: string;
  rows: number;
  found: number;
  last: string[] | null;
  limit: number;
}

/** One statement that makes the text of a page in the database and stops at `pageBytes`. */
async function readPage(
  sql: Transaction,
  { pageRows, pageBytes }: PageSize,
  o: { key: string[]; rows: Fragment; json: Fragment },
): Promise<PageRow> {
  const order = columns(sql, o.key);
  const asText = o.key.reduce<Fragment>(
    (list, name, i) => i === 0 ? sql`${sql(name)}::text` : sql`${list}, ${sql(name)}::text`,
    sql``,
  );
  const [row] = await sql<[Omit<PageRow, "limit">]>`
    with page as (${o.rows}),
    lines as (
      select row_number() over (order by ${order}) as place, ${o.json}::text || E'\n' as line,
        json_build_array(${asText}) as key
      from page
    ),
    measured as (
      select place, line, key,
        sum(octet_length(line)) over (order by place) - octet_length(line) as before
      from lines
    )
    select coalesce(string_agg(line, '' order by place), '') as text, count(*)::int as rows,
      (array_agg(key order by place desc))[1] as last, (select count(*)::int from lines) as found
    from measured where before < ${pageBytes}`;
  return { ...row, limit: pageRows };
}

function toPage({ text, rows, found, last, limit }: PageRow, branch: number, branches: number) {
  const page: Page = { text, rows };
  if (last && (rows < found || found === limit)) page.next = { branch, after: last };
  else if (branch + 1 < branches) page.next = { branch: branch + 1, after: [] };
  return page;
}

function isAfter(sql: Transaction, key: string[], after: string[]): Fragment {
  if (after.length === 0) return sql``;
  const values = after.reduce<Fragment>(
    (list, value, i) => i === 0 ? sql`${value}` : sql`${list}, ${value}`,
    sql``,
  );
  return sql`and (${columns(sql, key)}) > (${values})`;
}

function columns(sql: Transaction, names: readonly string[]): Fragment {
  return names.reduce<Fragment>(
    (list, name, i) => i === 0 ? sql`${sql(name)}` : sql`${list}, ${sql(name)}`,
    sql``,
  );
}

function join(sql: Transaction, parts: Fragment[]): Fragment {
  return parts.reduce<Fragment>((all, part) => sql`${all} ${part}`, sql``);
}

function joinOr(sql: Transaction, parts: Fragment[]): Fragment {
  return parts.reduce<Fragment>((all, part) => sql`${all} or ${part}`, sql`false`);
}

/** An organization's videos that name nobody are no data of the user who is its last member. */
function toScope(userId: string): Scope {
  return { userId, personId: null, subject: "", former: [], going: [], alone: [] };
}
