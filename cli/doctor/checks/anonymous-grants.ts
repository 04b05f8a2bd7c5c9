import { type Check, found, listNames } from "../check.ts";

export const anonymousGrants: Check = {
  id: "anonymous-grants",
  looks: "rights of anon and of everybody (public) in the schemas public and private",
  why: "The publishable key is in every app: what anon may do, everybody on the internet may do",
  mend:
    'Run "revoke all on <object> from anon, public", and look at the default privileges of the ' +
    "role that made it",
  async run({ read }) {
    return await read(async (sql) => {
      const tables = await sql<{ name: string }[]>`
        select distinct c.oid::regclass::text as name
        from pg_class as c
        cross join lateral aclexplode(c.relacl) as acl
        left join pg_roles as r on r.oid = acl.grantee
        where c.relnamespace in (to_regnamespace('public'), to_regnamespace('private'))
          and (acl.grantee = 0 or r.rolname = 'anon')
        union
        select distinct a.attrelid::regclass::text || '.' || a.attname
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid
        cross join lateral aclexplode(a.attacl) as acl
        left join pg_roles as r on r.oid = acl.grantee
        where c.relnamespace in (to_regnamespace('public'), to_regnamespace('private'))
          and (acl.grantee = 0 or r.rolname = 'anon')
        order by 1`;
      const routines = await sql<{ name: string }[]>`
        select p.oid::regprocedure::text as name
        from pg_proc as p
        where p.pronamespace in (to_regnamespace('public'), to_regnamespace('private'))
          and has_function_privilege('anon', p.oid, 'execute')
          and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
          and not exists (
            select from pg_depend as d
            where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
        order by 1`;
      return found([
        ...tables.length > 0
          ? [`anon has rights on ${listNames(tables.map(({ name }) => name))}`]
          : [],
        ...routines.length > 0
          ? [`anon may execute ${listNames(routines.map(({ name }) => name))}`]
          : [],
      ]);
    });
  },
};
