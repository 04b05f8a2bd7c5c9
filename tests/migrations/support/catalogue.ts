import type postgres from "postgres";
import type { Row } from "./database.ts";

const schemas = ["public", "private", "extensions", "storage", "auth", "legacy_archive"];

/** Everything that a migration can shape, as text that two runs can be compared by. */
export async function dumpCatalogue<T extends Record<string, unknown>>(
  sql: postgres.Sql<T>,
): Promise<string[]> {
  const parts = await Promise.all([
    sql`select n.nspname as schema, (select array_agg(x::text order by x::text) from unnest(n.nspacl) x) as acl, n.nspowner::regrole::text as owner
      from pg_namespace n where n.nspname = any(${schemas})`,
    sql`select c.oid::regclass::text as relation, c.relkind::text as kind, (select array_agg(x::text order by x::text) from unnest(c.relacl) x) as acl,
        c.relrowsecurity as rls, c.relforcerowsecurity as forced, c.relowner::regrole::text as owner
      from pg_class c where c.relnamespace::regnamespace::text = any(${schemas})`,
    sql`select a.attrelid::regclass::text as relation, a.attname as name, a.attnotnull as required,
        format_type(a.atttypid, a.atttypmod) as type, (select array_agg(x::text order by x::text) from unnest(a.attacl) x) as acl, a.attidentity::text as identity,
        pg_get_expr(d.adbin, d.adrelid) as value
      from pg_attribute a join pg_class c on c.oid = a.attrelid
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where c.relnamespace::regnamespace::text = any(${schemas}) and a.attnum > 0 and not a.attisdropped`,
    sql`select conrelid::regclass::text as relation, conname as name, pg_get_constraintdef(oid) as definition
      from pg_constraint where connamespace::regnamespace::text = any(${schemas})`,
    sql`select schemaname as schema, indexname as name, indexdef as definition
      from pg_indexes where schemaname = any(${schemas})`,
    sql`select p.oid::regprocedure::text as routine, pg_get_functiondef(p.oid) as definition,
        (select array_agg(x::text order by x::text) from unnest(p.proacl) x) as acl, p.proowner::regrole::text as owner
      from pg_proc p
      where p.pronamespace::regnamespace::text in ('public', 'private') and p.prokind = 'f'`,
    sql`select tgrelid::regclass::text as relation, tgname as name, tgenabled::text as enabled,
        pg_get_triggerdef(oid) as definition
      from pg_trigger where not tgisinternal`,
    sql`select * from pg_policies`,
    sql`select t.typname as name, array_agg(e.enumlabel order by e.enumsortorder)::text as labels
      from pg_type t join pg_enum e on e.enumtypid = t.oid group by t.typname`,
    sql`select e.extname as name, e.extnamespace::regnamespace::text as schema from pg_extension e`,
    sql`select id, name, public, file_size_limit, allowed_mime_types from storage.buckets`,
  ]);
  return parts.flatMap((rows) => [...rows].map((row: Row) => JSON.stringify(row))).sort();
}
