import type postgres from "postgres";
import { LegacyError } from "../errors.ts";
import { restoreUsersTables } from "../rollback/restore-users-tables.ts";
import type { LegacyTableName } from "../schema.ts";
import { selectErased } from "./erased.ts";
import {
  type Fingerprint,
  fingerprintLoaded,
  fingerprintStage,
  isLoaded,
  prepareSession,
  rowText,
} from "./fingerprint.ts";
import { inTransaction } from "./in-transaction.ts";
import { columnsOf, type LoadColumns, type LoadTable, rootKey, stageSchema } from "./relations.ts";

/** What came of one table. */
export interface AppliedTable {
  table: LegacyTableName;
  /** Rows in the project that came by load. */
  rows: number;
  /** Rows that were inserted or updated. */
  written: number;
  /** Rows that are gone in the legacy database and now here. */
  deleted: number;
}

/** Users and people that this project has erased since they were loaded: they stay erased. */
export interface Erased {
  users: number;
  people: number;
}

/** What one transaction of the load works with. */
export interface ApplyOptions {
  sql: postgres.Sql;
  columns: LoadColumns;
  /** Tables whose rows stand in the stage, parents first, with what the source has of each. */
  staged: readonly { table: LoadTable; source: Fingerprint }[];
  /** The users tables are not there: a push took them away while there were no users. */
  restore: boolean;
}

/**
 * Makes the loaded rows of the project what the stage holds, in one transaction: all tables or none.
 * Rows that did not come by load are left alone.
 * @throws LegacyError refused when every loaded user is gone from the project, or when the rows are
 * not the same afterwards
 */
export async function applyStage(
  { sql, columns, staged, restore }: ApplyOptions,
): Promise<{ tables: AppliedTable[]; erased: Erased; unknownOwners: number }> {
  return await inTransaction(sql, async (transaction) => {
    await prepareSession(transaction);
    // Rows keep the times they had.
    await transaction`
      select set_config('heimdex.keep_updated_at', 'on', true),
        set_config('heimdex.audit_move', 'on', true)`;
    if (restore) await restoreUsersTables(transaction);
    const erased = await findErased(transaction);
    const tables: AppliedTable[] = [];
    let unknownOwners = 0;
    for (const { table, source } of staged) {
      if (erased.users + erased.people > 0) await leaveOutErased(transaction, table);
      const rebind = await unbindUnknownOwners(transaction, table);
      tables.push(await applyTable(transaction, table, columns, source));
      unknownOwners += await rebind();
    }
    return { tables, erased, unknownOwners };
  });
}

async function applyTable(
  sql: postgres.TransactionSql,
  table: LoadTable,
  columns: LoadColumns,
  source: Fingerprint,
): Promise<AppliedTable> {
  const expected = await fingerprintStage(sql, table, columns);
  const deleted = await deleteGone(sql, table);
  await freeUniqueValues(sql, table);
  const written = await writeRows(sql, table, columns);
  if (table.root) await keepTrack(sql, table);
  const loaded = await fingerprintLoaded(sql, table, columns);
  if (loaded.hash !== expected.hash) {
    throw new LegacyError(
      "refused",
      `Table ${table.name} has ${loaded.rows} loaded rows that are not the ${expected.rows} of the ` +
        "legacy database: a trigger or rule of this project changes them. Nothing was changed",
    );
  }
  await sql`
    insert into private.legacy_loads as l (relation, rows, fingerprint)
    values (${table.name}, ${loaded.rows}, ${toMark(source, loaded)})
    on conflict (relation) do update set rows = excluded.rows, fingerprint = excluded.fingerprint,
      loaded_at = now()`;
  return { table: table.name, rows: loaded.rows, written, deleted };
}

/** What private.legacy_loads remembers: both sides, since erased users are on one of them only. */
export function toMark(source: Fingerprint, loaded: Fingerprint): string {
  return `${source.hash} ${loaded.hash}`;
}

/** Whether the legacy database still has of a table what a mark remembers. */
export function isMarkOf(mark: string | undefined, source: Fingerprint): boolean {
  return mark !== undefined && mark.startsWith(`${source.hash} `);
}

async function findErased(sql: postgres.TransactionSql): Promise<Erased> {
  await sql`create temporary table legacy_erased (relation text, key uuid) on commit drop`;
  await sql`insert into pg_temp.legacy_erased ${selectErased(sql)}`;
  const [row] = await sql<[{ users: number; people: number; loaded: boolean }]>`
    select count(*) filter (where relation = 'users')::int as users,
      count(*) filter (where relation = 'face_profiles')::int as people,
      exists (select from private.legacy_loaded_rows as l
        where l.relation = 'users' and exists (
          select from public.users as u where u.user_id = l.key)) as loaded
    from pg_temp.legacy_erased`;
  if (row.users > 0 && !row.loaded) {
    throw new LegacyError(
      "refused",
      `All ${row.users} users that were loaded are gone from this project, and what was erased here ` +
        "is not loaded again. To load everything anew, empty private.legacy_loaded_rows. Nothing " +
        "was changed",
    );
  }
  return { users: row.users, people: row.people };
}

async function leaveOutErased(sql: postgres.TransactionSql, table: LoadTable): Promise<void> {
  const stage = sql(`${stageSchema}.${table.name}`);
  const erased = (relation: string, column: string) =>
    sql`exists (select from pg_temp.legacy_erased as e
      where e.relation = ${relation} and e.key = s.${sql(column)})`;
  if (table.owner) await sql`delete from ${stage} as s where ${erased("users", "user_id")}`;
  if (table.name === "face_profiles") {
    await sql`delete from ${stage} as s where ${erased("face_profiles", "person_id")}`;
  }
  for (const { table: parent, column } of table.parents) {
    if (column === "user_id") continue;
    await sql`delete from ${stage} as s where not exists (
      select from ${sql(`public.${parent}`)} as p where p.${sql(column)} = s.${sql(column)})`;
  }
}

/**
 * The legacy database may hold videos and people of an owner whom no users row names: a restore
 * brings such rows in past its foreign keys. Here they come in beside a key that holds for new rows.
 */
async function unbindUnknownOwners(
  sql: postgres.TransactionSql,
  { name }: LoadTable,
): Promise<() => Promise<number>> {
  if (name !== "videos" && name !== "face_profiles") return () => Promise.resolve(0);
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from ${sql(`${stageSchema}.${name}`)} as s
    where s.user_id is not null and not exists (
      select from public.users as u where u.user_id = s.user_id)`;
  const { count } = row;
  if (count === 0) return () => Promise.resolve(0);
  const keys = await sql<{ name: string; definition: string }[]>`
    select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
    where conrelid = ${`public.${name}`}::regclass and contype = 'f'
      and confrelid = 'public.users'::regclass`;
  const relation = sql(`public.${name}`);
  for (const key of keys) await sql`alter table ${relation} drop constraint ${sql(key.name)}`;
  return async () => {
    for (const key of keys) {
      const definition = key.definition.replace(/ NOT VALID$/, "");
      await sql`alter table ${relation} add constraint ${sql(key.name)}
        ${sql.unsafe(definition)} not valid`;
    }
    return count;
  };
}

async function deleteGone(sql: postgres.TransactionSql, table: LoadTable): Promise<number> {
  const sameKey = table.primaryKey.map((key, index) =>
    sql`${index === 0 ? sql`` : sql` and `}s.${sql(key)} = t.${sql(key)}`
  );
  const { count } = await sql`
    delete from ${sql(`public.${table.name}`)} as t
    where ${isLoaded(sql, table)} and not exists (
      select from ${sql(`${stageSchema}.${table.name}`)} as s where ${sameKey})`;
  if (table.root) {
    const key = sql(rootKey(table));
    await sql`
      delete from private.legacy_loaded_rows as l
      where l.relation = ${table.name}
        and not exists (
          select from ${sql(`${stageSchema}.${table.name}`)} as s where s.${key} = l.key)
        and not exists (select from pg_temp.legacy_erased as e
          where e.relation = l.relation and e.key = l.key)`;
  }
  return count;
}

const uniqueToken = new Set<LegacyTableName>(["refresh_tokens", "email_verification_tokens"]);

// Two users who exchanged their addresses would meet halfway, as would two tokens.
async function freeUniqueValues(sql: postgres.TransactionSql, table: LoadTable): Promise<void> {
  if (table.name === "users") {
    await sql`
      update public.users as t set email = 'moving:' || t.user_id, supabase_user_id = null
      from ${sql(`${stageSchema}.users`)} as s
      where s.user_id = t.user_id and
        (s.email, s.supabase_user_id) is distinct from (t.email, t.supabase_user_id)`;
  }
  if (uniqueToken.has(table.name)) {
    await sql`
      delete from ${sql(`public.${table.name}`)} as t
      using ${sql(`${stageSchema}.${table.name}`)} as s
      where s.token_id = t.token_id and s.token_hash <> t.token_hash`;
  }
}

async function writeRows(
  sql: postgres.TransactionSql,
  table: LoadTable,
  columns: LoadColumns,
): Promise<number> {
  const names = columnsOf(columns, table);
  const types = await readTypes(sql, table.name);
  const values = names.map((name, index) =>
    sql`${index === 0 ? sql`` : sql`, `}s.${sql(name)}::${sql.unsafe(types.get(name) ?? "text")}`
  );
  const changes = names.filter((name) => !table.primaryKey.includes(name)).map((name, index) =>
    sql`${index === 0 ? sql`` : sql`, `}${sql(name)} = excluded.${sql(name)}`
  );
  const { count } = await sql`
    insert into ${sql(`public.${table.name}`)} as t (${sql(names)})
    select ${values} from ${sql(`${stageSchema}.${table.name}`)} as s
    on conflict (${sql(table.primaryKey)}) do update set ${changes}
    where ${rowText(sql, "t", names)} <> ${rowText(sql, "excluded", names)}`;
  return count;
}

async function readTypes(
  sql: postgres.TransactionSql,
  table: LegacyTableName,
): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; type: string }[]>`
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
    from pg_attribute as a
    where a.attrelid = ${`public.${table}`}::regclass and a.attnum > 0 and not a.attisdropped`;
  return new Map(rows.map(({ name, type }) => [name, type]));
}

async function keepTrack(sql: postgres.TransactionSql, table: LoadTable): Promise<void> {
  await sql`
    insert into private.legacy_loaded_rows (relation, key)
    select ${table.name}, s.${sql(rootKey(table))}
    from ${sql(`${stageSchema}.${table.name}`)} as s
    on conflict do nothing`;
}
