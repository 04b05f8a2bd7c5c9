import type postgres from "postgres";
import { type Check, found, listNames } from "../check.ts";
import { type Grant, readExpectedGrants } from "../expected-grants.ts";

export const missingGrants: Check = {
  id: "missing-grants",
  looks:
    "the rights the migrations give by name, the functions that policies call, and tables with " +
    "a policy to read but no right to",
  why:
    "New projects give no rights by default: what is missing answers with permission denied, for " +
    "every user at once",
  mend: "Give the right by name, as its migration does: grant execute on function ... to " +
    "authenticated",
  async run({ read }) {
    const grants = await readExpectedGrants();
    return await read(async (sql) => {
      const missing = await findMissing(sql, grants);
      const unread = await sql<{ name: string }[]>`
        with readable as materialized (
          select distinct format('%I.%I', schemaname, tablename)::regclass as relation
          from pg_policies
          where schemaname = 'public' and permissive = 'PERMISSIVE' and cmd = 'SELECT'
            and 'authenticated' = any(roles))
        select relation::text as name from readable
        where not has_table_privilege('authenticated', relation, 'select')`;
      const uncallable = await sql<{ name: string }[]>`
        with policies as materialized (
          select concat_ws(' ', qual, with_check) as text from pg_policies
          where schemaname in ('public', 'storage') and 'authenticated' = any(roles)),
        routines as materialized (
          select p.oid, p.proname
          from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
          where n.nspname = 'private')
        select distinct f.oid::regprocedure::text as name
        from policies as p
        inner join routines as f on strpos(p.text, 'private.' || f.proname || '(') > 0
        where not has_function_privilege('authenticated', f.oid, 'execute')`;
      return found([
        ...missing,
        ...unread.length > 0
          ? [`authenticated may not read ${listNames(unread.map(({ name }) => name))}`]
          : [],
        ...uncallable.length > 0
          ? [
            `Policies call what authenticated may not: ${
              listNames(uncallable.map(({ name }) => name))
            }`,
          ]
          : [],
      ]);
    });
  },
};

/** What is not there any more is no matter of rights. */
async function findMissing(
  sql: postgres.TransactionSql,
  grants: readonly Grant[],
): Promise<string[]> {
  const rows = await sql<{ object: string; role: string; privilege: string }[]>`
    select g.object, g.role, g.privilege
    from jsonb_to_recordset(${sql.json([...grants] as never)}) as g (
      kind text, object text, role text, privilege text)
    inner join pg_roles as r on r.rolname = g.role
    where not case
      when g.kind = 'function' then coalesce(has_function_privilege(
        r.oid, to_regprocedure(g.object), g.privilege), true)
      when g.kind = 'schema' then coalesce(has_schema_privilege(
        r.oid, to_regnamespace(g.object), g.privilege), true)
      when to_regclass(g.object) is null then true
      when g.privilege ~ '\\(' then has_column_privilege(
        r.oid, to_regclass(g.object), substring(g.privilege from '\\((.+)\\)'),
        split_part(g.privilege, ' ', 1))
      else has_table_privilege(r.oid, to_regclass(g.object), g.privilege)
    end
    order by 2, 1`;
  return rows.map(({ object, role, privilege }) =>
    `${role} lacks the right "${privilege}" on ${object}`
  );
}
