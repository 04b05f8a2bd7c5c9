import { type Check, found, listNames } from "../check.ts";

export const sessionPolicies: Check = {
  id: "session-policies",
  looks: "the restrictive policy that asks for a live session, on what clients read and on " +
    "storage.objects",
  why:
    "An access token outlives its session: without this policy a deleted, banned or signed-out " +
    "user reads on through the Data API until the token expires",
  mend:
    "Run the migrations 20261122101000 and 20261122101500 again, or write the same policy for " +
    "the new table",
  async run({ read }) {
    const tables = await read((sql) =>
      sql<{ name: string }[]>`
        select n.nspname || '.' || c.relname as name
        from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p')
          and (n.nspname = 'public' and has_any_column_privilege('authenticated', c.oid, 'select')
            or c.oid = to_regclass('storage.objects'))
          and not exists (
            select from pg_policies as p
            where p.schemaname = n.nspname and p.tablename = c.relname
              and p.permissive = 'RESTRICTIVE' and p.cmd = 'ALL'
              and p.roles && array['authenticated', 'public']::name[]
              and p.qual like '%session_is_live%' and p.with_check like '%session_is_live%')
        order by 1`
    );
    const names = tables.map(({ name }) => name);
    return found(names.length > 0 ? [`No live session is asked for on ${listNames(names)}`] : []);
  },
};
