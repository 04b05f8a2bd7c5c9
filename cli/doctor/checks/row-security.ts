import { type Check, found, listNames } from "../check.ts";

export const rowSecurity: Check = {
  id: "row-security",
  looks: "row level security on every table of the schemas public and private",
  why: "A table without it shows every row to everybody who has a grant on it, and one without a " +
    "policy was forgotten",
  mend:
    'Run "alter table <table> enable row level security" and write its policies, as docs/security.md ' +
    "says",
  async run({ read }) {
    const tables = await read((sql) =>
      sql<{ name: string; secured: boolean; policies: boolean }[]>`
        select c.oid::regclass::text as name, c.relrowsecurity as secured,
          exists (select from pg_policy as p where p.polrelid = c.oid) as policies
        from pg_class as c
        where c.relkind in ('r', 'p')
          and c.relnamespace in (to_regnamespace('public'), to_regnamespace('private'))
          and not exists (
            select from pg_depend as d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
        order by 1`
    );
    const open = tables.filter(({ secured }) => !secured).map(({ name }) => name);
    const bare = tables.filter((one) => one.secured && !one.policies).map(({ name }) => name);
    return found([
      ...open.length > 0 ? [`Row level security is off on ${listNames(open)}`] : [],
      ...bare.length > 0 ? [`No policy stands on ${listNames(bare)}`] : [],
    ]);
  },
};
