import type { Transaction } from "../database/doors.ts";
import { manifest } from "./manifest.ts";
import type { BucketRule, Fragment, RecordedKeys, Scope } from "./manifest-rules.ts";

/**
 * A select of the names in one bucket that this erasure removes: under the user's folders, recorded
 * in the user's rows, and owned by the user. What an organization keeps is left out.
 */
export function selectObjects(sql: Transaction, rule: BucketRule, scope: Scope): Fragment {
  const parts = [
    ...rule.prefixes(scope).map((prefix) =>
      sql`select o.name from storage.objects as o
        where o.bucket_id = ${rule.name} and ${below(sql, prefix)} and ${notKept(sql, rule, scope)}`
    ),
    ...rule.recordedIn.flatMap((recorded) =>
      recordedKeys(sql, recorded, scope).map((keys) =>
        sql`select o.name from storage.objects as o
          where o.bucket_id = ${rule.name} and o.name in (${keys}) and ${ofNobodyElse(sql, scope)}`
      )
    ),
    ...scope.personId === null
      ? [
        sql`select o.name from storage.objects as o
          where o.bucket_id = ${rule.name} and ${ownedBy(sql, scope)}
            and ${notKept(sql, rule, scope)}`,
      ]
      : [],
  ];
  return parts.reduce((all, one) => sql`${all} union ${one}`);
}

/**
 * Objects outside the folders of everybody else: of users whose account lives, and of organizations
 * that do not go. A key in a row, and an owner, may be wrong; a folder belongs to one.
 */
export function ofNobodyElse(
  sql: Transaction,
  { userId, going }: Pick<Scope, "userId" | "going">,
): Fragment {
  const folder = sql`case when o.bucket_id = 'uploads' and o.name !~ '^organizations/'
    then split_part(o.name, '/', 2) else split_part(o.name, '/', 1) end`;
  return sql`case when starts_with(o.name, 'organizations/')
    then split_part(o.name, '/', 2) = any(${[...going]}::text[])
    else not exists (
      select from auth.users as u
      where u.id = case when ${folder} ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
          then (${folder})::uuid end
        and u.id <> ${userId}::uuid and u.deleted_at is null) end`;
}

/** Names that begin with a folder, as a range that the index on (bucket_id, name) serves. */
export function below(sql: Transaction, prefix: string): Fragment {
  // "0" is the character after the "/" that every prefix ends with.
  const end = `${prefix.slice(0, -1)}0`;
  return sql`o.name collate "C" >= ${prefix} and o.name collate "C" < ${end}`;
}

/** Bytes of an object, as Storage recorded them. */
export function sizeOf(sql: Transaction): Fragment {
  return sql`coalesce((o.metadata ->> 'size')::bigint, 0)`;
}

/** Objects that Storage says the user owns; what lies with an organization belongs to it. */
export function ownedBy(sql: Transaction, scope: Scope): Fragment {
  return sql`o.owner_id = ${scope.userId} and not starts_with(o.name, 'organizations/')
    and ${ofNobodyElse(sql, scope)}`;
}

/** One video's objects stay while an organization with other members keeps it. */
export function notKept(sql: Transaction, rule: BucketRule, scope: Scope): Fragment {
  if (scope.personId !== null) return sql`true`;
  const kept = sql`
    v.user_id = ${scope.userId}::uuid and v.organization_id is not null and v.deleted_at is null
    and v.organization_id <> all(${[...scope.going]}::uuid[])`;
  const match = rule.name === "uploads"
    ? sql`v.storage_key = o.name`
    : sql`v.video_id::text = split_part(split_part(o.name, '/', 2), '.', 1)`;
  return sql`not exists (select from public.videos as v where ${match} and ${kept})`;
}

/** Keys that rows of this erasure record, as selects of one column. */
function recordedKeys(
  sql: Transaction,
  { table, column, many }: RecordedKeys,
  scope: Scope,
): Fragment[] {
  const key = many ? sql`unnest(t.${sql(column)}::text[])` : sql`t.${sql(column)}::text`;
  return takenConditions(sql, table, scope).map((condition) =>
    sql`select ${key} from ${sql(table)} as t where ${condition}`
  );
}

/** The conditions by which an erasure takes rows of a table; empty where it takes none. */
export function takenConditions(sql: Transaction, table: string, scope: Scope): Fragment[] {
  const rule = manifest.tables.find(({ name }) => name === table);
  const finder = scope.personId === null ? rule?.taken ?? rule?.rows : rule?.personRows;
  return finder?.(sql, scope) ?? [];
}
