import type postgres from "postgres";

/**
 * Selects relation and key of users and people that were loaded once and are gone from the project
 * although no load took them away: they were erased here, and no load brings them back.
 */
export function selectErased(sql: postgres.ISql) {
  return sql`
    select l.relation, l.key from private.legacy_loaded_rows as l
    where (l.relation = 'users'
        and not exists (select from public.users as u where u.user_id = l.key))
      or (l.relation = 'face_profiles'
        and not exists (select from public.face_profiles as p where p.person_id = l.key))`;
}

/** Ids of users and people that were loaded once and erased in the project since. */
export interface ErasedIds {
  users: readonly string[];
  people: readonly string[];
}

/** Reads them; none while the users tables are gone. */
export async function readErased(sql: postgres.ISql): Promise<ErasedIds> {
  const [table] = await sql<[{ there: boolean }]>`
    select to_regclass('public.users') is not null as there`;
  if (!table.there) return { users: [], people: [] };
  const rows = await sql<{ relation: string; key: string }[]>`${selectErased(sql)}`;
  const keysOf = (relation: string) =>
    rows.filter((row) => row.relation === relation).map(({ key }) => key);
  return { users: keysOf("users"), people: keysOf("face_profiles") };
}
