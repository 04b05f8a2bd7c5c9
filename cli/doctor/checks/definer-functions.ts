import { type Check, found, listNames } from "../check.ts";

export const definerFunctions: Check = {
  id: "definer-functions",
  looks:
    "functions that run with the rights of their owner: search_path, and whether the Data API " +
    "offers them",
  why: "With a search_path of the caller's choosing such a function calls what the caller put in " +
    "its way, as owner; in the schema public every client may call it",
  mend:
    "Run \"alter function <function> set search_path = ''\" and keep such functions in the schema " +
    "private",
  async run({ read }) {
    const routines = await read((sql) =>
      sql<{ name: string; loose: boolean; exposed: boolean }[]>`
        select p.oid::regprocedure::text as name,
          not coalesce(p.proconfig, '{}')
            && array['search_path=""', 'search_path=', 'search_path=pg_catalog'] as loose,
          p.pronamespace = to_regnamespace('public')
            and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype) as exposed
        from pg_proc as p
        where p.prosecdef
          and p.pronamespace in (to_regnamespace('public'), to_regnamespace('private'))
          and not exists (
            select from pg_depend as d
            where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
        order by 1`
    );
    const names = (which: "loose" | "exposed") =>
      routines.filter((one) => one[which]).map(({ name }) => name);
    const [loose, exposed] = [names("loose"), names("exposed")];
    return found([
      ...loose.length > 0 ? [`No empty search_path: ${listNames(loose)}`] : [],
      ...exposed.length > 0 ? [`Definers in the exposed schema public: ${listNames(exposed)}`] : [],
    ]);
  },
};
