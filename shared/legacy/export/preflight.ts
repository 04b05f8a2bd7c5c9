import type postgres from "postgres";
import type { AuthAdmin } from "../auth-admin.ts";
import type { LegacyDatabases } from "../context.ts";
import { LegacyError } from "../errors.ts";

/**
 * Refuses to go on when the users are cut over already, or were never loaded.
 * @throws LegacyError refused
 */
export async function assertNotCutOver({ sql }: Pick<LegacyDatabases, "sql">): Promise<void> {
  const [removal] = await sql<{ users_removed: number }[]>`
    select users_removed from private.legacy_removals`;
  if (!removal) return;
  throw new LegacyError(
    "refused",
    removal.users_removed > 0
      ? "The legacy users are cut over already: only heimdex legacy rollback or purge is left to do. " +
        "Nothing was changed"
      : "This project has no legacy tables yet: run heimdex legacy load first. Nothing was changed",
  );
}

const SAMPLE = 20;

/**
 * Checks the secret key, and that Supabase Auth and the database belong to one project: the newest
 * users of the one must stand in the other.
 * @throws LegacyError usage for a key that may not administer users or for two projects, outage when
 * Supabase Auth does not answer
 */
export async function checkProject(sql: postgres.ISql, auth: AuthAdmin): Promise<void> {
  await auth.checkKeys();
  const answer = await auth.listIds(SAMPLE);
  const ids = answer.ids ?? [];
  const [row] = await sql<{ same: boolean }[]>`
    select case
      when cardinality(${ids}::uuid[]) = 0
        then not exists (select from auth.users where aud = 'authenticated')
      else exists (select from auth.users where id = any(${ids}::uuid[]))
    end as same`;
  if (answer.kind !== "done" || row?.same) return;
  throw new LegacyError(
    "usage",
    "SUPABASE_URL and DATABASE_URL lead to two projects: their users differ. Nothing was changed",
  );
}
