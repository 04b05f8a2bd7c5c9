import type { Transaction } from "../database/doors.ts";
import type { Counts, ObjectCount } from "./erasure.ts";
import { manifest } from "./manifest.ts";
import type { BucketRule, Finder, Fragment, Scope, TableRule } from "./manifest-rules.ts";
import { selectObjects, sizeOf } from "./stored-objects.ts";

/** Rows one transaction deletes or changes: a page takes some hundred milliseconds at most. */
export const pageSize = 5000;

/** Whom a scope is read for; without a person it is the whole user. */
export interface ScopeOwner {
  /** UUID in lower case. */
  userId: string;
  personId?: string | null;
  /** The pseudonym that anonymised rows get; may be left out where nothing is written. */
  subject?: string | null;
  /** The organizations whose objects are collected; without it all that would go. */
  organizations?: readonly string[];
}

/**
 * Who is meant, as this transaction sees it. For counting: nothing is locked, so somebody may join
 * an organization of the scope at any time. Needs the service door.
 */
export async function readScope(sql: Transaction, owner: ScopeOwner): Promise<Scope> {
  return toScope(sql, owner, await readAlone(sql, owner));
}

/**
 * The same for a transaction that takes or hands over what it finds: organizations whose last member
 * the user is are locked until its end, so that nobody joins one while it goes.
 * Needs the service door.
 */
export async function lockScope(sql: Transaction, owner: ScopeOwner): Promise<Scope> {
  const concerned = await readAlone(sql, owner);
  if (concerned.length === 0) return toScope(sql, owner, []);
  await sql`
    select from public.organizations where organization_id = any(${concerned}::uuid[])
    order by organization_id for update`;
  return toScope(sql, owner, await readAlone(sql, owner));
}

async function toScope(sql: Transaction, owner: ScopeOwner, alone: string[]): Promise<Scope> {
  const { userId, personId = null, subject, organizations } = owner;
  const going = alone.filter((id) => organizations?.includes(id) ?? true);
  const former = await readFormerIds(sql, userId);
  return { userId, personId, subject: subject ?? "", former, going, alone };
}

async function readFormerIds(sql: Transaction, userId: string): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select e.legacy_user_id as id from private.legacy_exports as e
    where e.supabase_user_id = ${userId}::uuid and e.legacy_user_id <> e.supabase_user_id
      and not exists (select from auth.users as u where u.id = e.legacy_user_id)
      and not exists (
        select from private.legacy_exports as o where o.supabase_user_id = e.legacy_user_id)`;
  return rows.map(({ id }) => id);
}

/**
 * Organizations without another member: those the user is in, and those that are gone already. A
 * person has none.
 */
async function readAlone(
  sql: Transaction,
  { userId, personId = null, organizations = [] }: ScopeOwner,
): Promise<string[]> {
  if (personId !== null) return [];
  const rows = await sql<{ id: string }[]>`
    select candidate.id from (
      select organization_id as id from public.organization_members where user_id = ${userId}::uuid
      union select unnest(${[...organizations]}::uuid[])
    ) as candidate
    where not exists (
      select from public.organization_members as o
      where o.organization_id = candidate.id and o.user_id <> ${userId}::uuid)`;
  return rows.map(({ id }) => id);
}

/** The finder of a table's rows for this scope: of the user, or of the one person. */
export function finderOf(rule: TableRule, scope: Scope): Finder | undefined {
  return scope.personId === null ? rule.rows : rule.personRows;
}

/** Tables that name users and stand in this database, in the order of deletion. */
export async function readTables(sql: Transaction, scope: Scope): Promise<TableRule[]> {
  const rules = manifest.tables.filter((rule) => finderOf(rule, scope) !== undefined);
  const present = await sql<{ name: string }[]>`
    select name from unnest(${rules.map(({ name }) => name)}::text[]) as wanted (name)
    where to_regclass(name) is not null`;
  const names = new Set(present.map(({ name }) => name));
  return rules.filter(({ name }) => names.has(name));
}

/**
 * Everything the manifest finds of a user: rows per table and objects per bucket, zeros included.
 * What organizations keep counts among the rows, because it names the user, and not among the
 * objects. Reads only; needs the service door.
 */
export async function countUser(sql: Transaction, userId: string): Promise<Counts> {
  return await countScope(sql, await readScope(sql, { userId }));
}

/** The same for any scope, one person included. */
export async function countScope(sql: Transaction, scope: Scope): Promise<Counts> {
  const rules = await readTables(sql, scope);
  const buckets = manifest.buckets.filter((rule) => rule.prefixes(scope).length > 0);
  const [rows, objects] = await Promise.all([
    Promise.all(rules.map((rule) => countRows(sql, rule, scope))),
    Promise.all(buckets.map((rule) => countObjects(sql, rule, scope))),
  ]);
  return {
    tables: Object.fromEntries(rules.map(({ name }, index) => [name, rows[index] ?? 0])),
    buckets: Object.fromEntries(
      buckets.map(({ name }, index) => [name, objects[index] ?? { objects: 0, bytes: 0 }]),
    ),
  };
}

async function countRows(sql: Transaction, rule: TableRule, scope: Scope): Promise<number> {
  const conditions = finderOf(rule, scope)?.(sql, scope) ?? [];
  if (conditions.length === 0) return 0;
  // A union and not an "or": each condition has an index of its own.
  const rows = conditions
    .map((condition) => sql`select t.ctid from ${sql(rule.name)} as t where ${condition}`)
    .reduce((all, one) => sql`${all} union ${one}`);
  const [row] = await sql<{ count: number }[]>`select count(*) as count from (${rows}) as found`;
  return row?.count ?? 0;
}

async function countObjects(
  sql: Transaction,
  rule: BucketRule,
  scope: Scope,
): Promise<ObjectCount> {
  const [row] = await sql<{ objects: number; bytes: number }[]>`
    select count(*) as objects, coalesce(sum(${sizeOf(sql)}), 0)::bigint as bytes
    from storage.objects as o
    where o.bucket_id = ${rule.name} and o.name in (${selectObjects(sql, rule, scope)})`;
  return row ?? { objects: 0, bytes: 0 };
}

/**
 * Deletes or anonymises at most one page of a table's rows and says how many there were; zero means
 * that none is left to take. Needs the service door.
 */
export async function takePage(
  sql: Transaction,
  rule: TableRule,
  scope: Scope,
): Promise<number> {
  const finder = scope.personId === null ? rule.taken ?? rule.rows : rule.personRows;
  for (const condition of finder?.(sql, scope) ?? []) {
    const { count } = await takeRows(sql, rule, scope, condition);
    if (count > 0) return count;
  }
  return 0;
}

function takeRows(sql: Transaction, rule: TableRule, scope: Scope, condition: Fragment) {
  const table = sql(rule.name);
  const page = sql`t.ctid = any(array(
    select t.ctid from ${table} as t where ${condition} limit ${pageSize}))`;
  return rule.anonymised
    ? sql`update ${table} as t set ${rule.anonymised(sql, scope)} where ${page}`
    : sql`delete from ${table} as t where ${page}`;
}
