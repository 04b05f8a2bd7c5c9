import type postgres from "postgres";
import type { LegacyDatabases } from "../context.ts";
import { LegacyError } from "../errors.ts";
import { findWrittenSinceLoad } from "../load/load-rows.ts";

/**
 * Asks whether a legacy database of its own is still what the last load brought. Changes nothing.
 * @throws LegacyError refused, naming the tables, or when rows were loaded and no legacy database is
 * named to compare them with
 */
export async function checkLoaded(
  databases: Pick<LegacyDatabases, "sql" | "source">,
): Promise<void> {
  if (!databases.source.separate && await wasLoaded(databases.sql)) {
    throw refuse(
      "its legacy rows were loaded from a database of their own, and what was written there since " +
        "cannot be told: set LEGACY_DATABASE_URL",
    );
  }
  const written = await findWrittenSinceLoad(databases);
  if (written.length === 0) return;
  throw refuse(
    `the legacy database was written since it was loaded (${
      written.join(", ")
    }): stop the legacy ` +
      'application, run "heimdex legacy load", "heimdex legacy export" and "heimdex legacy verify"',
  );
}

async function wasLoaded(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql<[{ loaded: boolean }]>`
    select exists (select from private.legacy_loads) as loaded`;
  return row.loaded;
}

/**
 * Asks whether the users tables may be removed: everybody exported and verified, the last
 * verification passed, nothing written since. Changes nothing.
 * @throws LegacyError refused, with what is missing and the command to run
 */
export async function checkVerified(sql: postgres.Sql): Promise<void> {
  const { failures, unexported, unverified, users } = await countUsers(sql);
  if (failures > 0) {
    throw refuse(
      `${failures} legacy users could not be exported: run "heimdex legacy export" and do what its ` +
        "report says",
    );
  }
  if (unexported > 0) {
    throw refuse(
      `${unexported} of ${users} legacy users are not exported to Supabase Auth: run ` +
        '"heimdex legacy export", then "heimdex legacy verify"',
    );
  }
  if (users > 0) await checkVerification(sql);
  if (unverified > 0) {
    throw refuse(
      `${unverified} of ${users} legacy users are not verified since they were exported or rolled ` +
        'back: run "heimdex legacy verify"',
    );
  }
}

interface UserCounts {
  users: number;
  failures: number;
  unexported: number;
  unverified: number;
}

async function countUsers(
  sql: postgres.Sql,
): Promise<UserCounts> {
  const [row] = await sql<[UserCounts]>`
    select (select count(*) from private.legacy_failures)::int as failures,
      (select count(*) from public.users)::int as users,
      (select count(*) from public.users as u
        where not exists (
          select from private.legacy_exports as e where e.legacy_user_id = u.user_id))::int
        as unexported,
      (select count(*) from private.legacy_exports as e
        join public.users as u on u.user_id = e.legacy_user_id
        where e.verified_at is null and e.supabase_user_id not in (
          select g.user_id from private.list_erased_users() as g (user_id)))::int as unverified`;
  return row;
}

interface Verification {
  passed: boolean;
  finished_at: Date | null;
  is_current: boolean;
}

async function checkVerification(sql: postgres.Sql): Promise<void> {
  const [last] = await sql<Verification[]>`
    select passed, finished_at,
      coalesce(fingerprint = private.legacy_fingerprint(), false) as is_current
    from private.legacy_verifications order by started_at desc limit 1`;
  if (!last) {
    throw refuse('the move was never verified: run "heimdex legacy verify"');
  }
  if (!last.passed) {
    throw refuse(
      'the last verification did not pass: run "heimdex legacy verify" until it reports no mismatch',
    );
  }
  if (last.is_current) return;
  throw refuse(
    "the legacy application has written since the last verification" +
      `${last.finished_at ? ` (${last.finished_at.toISOString()})` : ""}: stop it, run ` +
      '"heimdex legacy export", then "heimdex legacy verify"',
  );
}

/**
 * Asks whether everything is decided that the rows themselves raise.
 * @throws LegacyError refused
 */
export async function checkDecided(sql: postgres.Sql): Promise<void> {
  const { owners, names } = await countUndecided(sql);
  if (owners > 0) {
    throw refuse(
      `${owners} owners of videos or people are in no users row and nothing is decided of them: ` +
        'run "heimdex legacy plan" and decide unknown_owner',
    );
  }
  if (names > 0) {
    throw refuse(
      `${names} names of people occur twice for one owner and nothing is decided of them: run ` +
        '"heimdex legacy plan" and decide person_names',
    );
  }
}

async function countUndecided(sql: postgres.Sql): Promise<{ owners: number; names: number }> {
  const [row] = await sql<[{ owners: number; names: number }]>`
    select (
      select count(*) from (
        select user_id from public.videos union select user_id from public.face_profiles
      ) as o
      where o.user_id is not null
        and not exists (
          select from private.legacy_exports as e where e.legacy_user_id = o.user_id)
        and not exists (
          select from private.legacy_decisions as d
          where d.kind = 'unknown_owner' and d.action = 'keep'
            and d.subject in ('*', o.user_id::text))
    )::int as owners, (
      select count(*) from (
        select from public.face_profiles as p
        where p.deleted_at is null and not exists (
          select from private.legacy_decisions as d
          where d.kind = 'person_names' and d.action = 'suffix'
            and d.subject in ('*', p.user_id::text, p.person_id::text, (
              select e.supabase_user_id::text from private.legacy_exports as e
              where e.legacy_user_id = p.user_id)))
        group by p.user_id, p.name having count(*) > 1
      ) as repeated
    )::int as names`;
  return row;
}

/** Ends the cutover before it has begun. */
export function refuse(what: string): LegacyError {
  return new LegacyError("refused", `Cannot cut over: ${what}. Nothing was changed`);
}
