import type { DoctorContext } from "./context.ts";

/** A policy as the catalogue holds it. */
export interface Policy {
  table: string;
  name: string;
  /** `using` and `with check` in one text. */
  text: string;
}

/** All policies of the schemas that clients reach. */
export function readPolicies(read: DoctorContext["read"]): Promise<Policy[]> {
  return read(async (sql) => [
    ...await sql<Policy[]>`
      select schemaname || '.' || tablename as table, policyname as name,
        concat_ws(' ', qual, with_check) as text
      from pg_policies where schemaname in ('public', 'private', 'storage') order by 1, 2`,
  ]);
}
