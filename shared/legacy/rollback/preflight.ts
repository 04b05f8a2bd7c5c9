import type postgres from "postgres";
import { LegacyError } from "../errors.ts";

/**
 * Asks whether the database holds the migrations this rollback was written for, and no other.
 * A database without a history (never pushed by the CLI) is taken as it is.
 * @throws LegacyError refused, naming the versions
 */
export async function assertVersion(
  sql: postgres.Sql,
  knownVersions: readonly string[],
): Promise<void> {
  const [history] = await sql<{ there: boolean }[]>`
    select to_regclass('supabase_migrations.schema_migrations') is not null as there`;
  if (!history?.there) return;
  const rows = await sql<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations order by version`;
  const unknown = rows.map((row) => row.version).filter((one) => !knownVersions.includes(one));
  if (unknown.length === 0) return;
  throw new LegacyError(
    "refused",
    `The database holds migrations that this version of heimdex does not know (${
      unknown.join(", ")
    }): run the rollback of the version that was deployed. Nothing was changed`,
  );
}

/**
 * Asks that no erasure is half done: its rows would be found by neither id.
 * @throws LegacyError refused
 */
export async function assertNoErasures(sql: postgres.ISql): Promise<void> {
  const [row] = await sql<[{ open: number; dead: number }]>`
    select (count(*) filter (where state in ('pending', 'running')))::int as open,
      (count(*) filter (where state = 'dead'))::int as dead
    from private.erasures`;
  if (row.open > 0) {
    throw new LegacyError(
      "refused",
      `${row.open} erasures are under way: run "heimdex erasure run" until none is left, then roll ` +
        "back. The users tables were not touched",
    );
  }
  if (row.dead > 0) {
    throw new LegacyError(
      "refused",
      `${row.dead} erasures gave up half way: run "heimdex erasure retry" and "heimdex erasure run" ` +
        "first. The users tables were not touched",
    );
  }
}

/**
 * Asks that no legacy user was deleted in Supabase Auth since the cutover without being erased yet:
 * the users row, which is still in the archive, would bring them back. One whose erasure was held
 * for the cutover was a user of the legacy application before, too.
 * @throws LegacyError refused
 */
export async function assertDeletedErased(sql: postgres.ISql): Promise<void> {
  const [row] = await sql<[{ users: number }]>`
    select count(*)::int as users
    from private.legacy_exports as e cross join private.legacy_removals as r
    where not exists (select from auth.users as u where u.id = e.supabase_user_id)
      and (exists (
          select from private.auth_events as a
          where a.user_id = e.supabase_user_id and a.type = 'user.deleted'
            and a.created_at >= r.removed_at)
        or exists (
          select from private.erasures as h
          where h.user_id = e.supabase_user_id and h.kind = 'user' and h.state = 'held'
            and h.requested_at >= r.removed_at))`;
  if (row.users === 0) return;
  throw new LegacyError(
    "refused",
    `${row.users} legacy users were deleted in Supabase Auth since the cutover and are not erased ` +
      'yet: see "heimdex events list" and "heimdex erasure list", release what is held and run ' +
      '"heimdex erasure run", then roll back. The users tables were not touched',
  );
}

/**
 * Asks that whoever owns a row has an account or a users row: the legacy system knows no others.
 * Needs the table `legacy_new_users` of addNewUsers.
 * @throws LegacyError refused
 */
export async function assertOwnersAlive(tx: postgres.TransactionSql): Promise<void> {
  const [row] = await tx<[{ owners: number }]>`
    select count(*)::int as owners from (
      select user_id from public.videos union select user_id from public.face_profiles
    ) as o
    where o.user_id is not null
      and not exists (select from private.legacy_exports as e
        where e.supabase_user_id = o.user_id)
      and not exists (select from legacy_new_users as n where n.supabase_user_id = o.user_id)
      and not exists (select from private.legacy_decisions as d
        where d.kind = 'unknown_owner' and d.action = 'keep' and d.subject in ('*', o.user_id::text))`;
  if (row.owners === 0) return;
  throw new LegacyError(
    "refused",
    `${row.owners} owners of videos or people were deleted in Supabase Auth and are not erased yet: ` +
      'see "heimdex erasure list" and "heimdex orphans list", erase them, then roll back. ' +
      "The users tables were not touched",
  );
}
