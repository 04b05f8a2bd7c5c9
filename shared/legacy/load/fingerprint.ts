import type postgres from "postgres";
import type { ErasedIds } from "./erased.ts";
import { columnsOf, type LoadColumns, type LoadTable, rootKey, stageSchema } from "./relations.ts";

/** What the rows of one table are, whatever their order. */
export interface Fingerprint {
  rows: number;
  /** Equal where all rows are; over the text of each row, so also between versions of PostgreSQL. */
  hash: string;
}

/**
 * Writes values alike on every server: text of times and numbers depends on settings otherwise. Both
 * time limits of the server are lifted, since a large table takes its time.
 */
export async function prepareSession(sql: postgres.ISql): Promise<void> {
  await sql`
    select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, MDY', true),
      set_config('intervalstyle', 'postgres', true), set_config('extra_float_digits', '1', true),
      set_config('bytea_output', 'hex', true), set_config('client_encoding', 'UTF8', true),
      set_config('statement_timeout', '0', true),
      set_config('idle_in_transaction_session_timeout', '0', true)`;
}

/** Over the whole table in the legacy database, without what belongs to erased users and people. */
export function fingerprintSource(
  sql: postgres.ISql,
  table: LoadTable,
  columns: LoadColumns,
  erased: ErasedIds = { users: [], people: [] },
): Promise<Fingerprint> {
  const from = selectErasedRows(sql, table, erased).reduce(
    (rows, ofErased) => sql`${rows} and not exists (${ofErased})`,
    sql`${sql(`public.${table.name}`)} as t where true`,
  );
  return fingerprint(sql, columnsOf(columns, table), from);
}

/** For row `t` of a legacy table one query for each way to belong to somebody who was erased. */
function selectErasedRows(sql: postgres.ISql, table: LoadTable, { users, people }: ErasedIds) {
  const among = (ids: readonly string[], key: postgres.PendingQuery<postgres.Row[]>) =>
    sql`select from unnest(${[...ids]}::uuid[]) as e (id) where e.id = ${key}`;
  const ofOwner = sql`select from public.videos as v
    where v.video_id = t.video_id and exists (${among(users, sql`v.user_id`)})`;
  if (users.length + people.length === 0) return [];
  if (table.name === "scene_people") {
    const ofScene = sql`select from public.scenes as s join public.videos as v using (video_id)
      where s.scene_id = t.scene_id and exists (${among(users, sql`v.user_id`)})`;
    return [ofScene, among(people, sql`t.person_id`)];
  }
  if (!table.owner) return [ofOwner];
  const own = among(users, sql`t.user_id`);
  return table.name === "face_profiles" ? [own, among(people, sql`t.person_id`)] : [own];
}

/** Over the rows on their way. */
export function fingerprintStage(
  sql: postgres.ISql,
  table: LoadTable,
  columns: LoadColumns,
): Promise<Fingerprint> {
  const from = sql`${sql(`${stageSchema}.${table.name}`)} as t`;
  return fingerprint(sql, columnsOf(columns, table), from);
}

/** Over the rows in the project that came by load. */
export function fingerprintLoaded(
  sql: postgres.ISql,
  table: LoadTable,
  columns: LoadColumns,
): Promise<Fingerprint> {
  const from = sql`${sql(`public.${table.name}`)} as t where ${isLoaded(sql, table)}`;
  return fingerprint(sql, columnsOf(columns, table), from);
}

/** Whether row `t` of a table of the project came by load. */
export function isLoaded(sql: postgres.ISql, table: LoadTable) {
  const known = (relation: string, key: postgres.PendingQuery<postgres.Row[]>) =>
    sql`exists (select from private.legacy_loaded_rows as l
      where l.relation = ${relation} and l.key = ${key})`;
  if (table.root) return known(table.name, sql`t.${sql(rootKey(table))}`);
  if (table.name === "scene_people") {
    return sql`exists (select from public.scenes as s
      join private.legacy_loaded_rows as l on l.relation = 'videos' and l.key = s.video_id
      where s.scene_id = t.scene_id)`;
  }
  const [parent] = table.parents;
  if (!parent) throw new Error(`Table ${table.name} has no parent`);
  return known(parent.table, sql`t.${sql(parent.column)}`);
}

/** The text of row `t` (or another alias), the same on every side. */
export function rowText(sql: postgres.ISql, alias: string, columns: readonly string[]) {
  const list = columns.map((column, index) =>
    sql`${index === 0 ? sql`` : sql`, `}${sql(`${alias}.${column}`)}`
  );
  return sql`row(${list})::text`;
}

// A sum of hashes: no order, and no sort of a million rows.
async function fingerprint(
  sql: postgres.ISql,
  columns: readonly string[],
  from: postgres.PendingQuery<postgres.Row[]>,
): Promise<Fingerprint> {
  const text = rowText(sql, "t", columns);
  const [row] = await sql<[{ rows: string; sum: string }]>`
    select count(*)::text as rows, coalesce(
      sum(('x' || left(md5(convert_to(${text}, 'UTF8')), 16))::bit(64)::bigint), 0)::text as sum
    from ${from}`;
  return { rows: Number(row.rows), hash: `${row.rows}:${row.sum}` };
}
