import type postgres from "postgres";
import { LegacyError } from "../errors.ts";

/** How far a project has come on the way of its legacy users. */
export interface MoveState {
  /** Whether the users tables are gone from `public`. */
  removed: boolean;
  /** Legacy users that the removal took over; 0 in a project that never had any. */
  usersRemoved: number;
  /** Whether `legacy_archive` holds what the removal took away: without it there is no way back. */
  archived: boolean;
  /** When the archive was deleted; there is no way back from then on. */
  purgedAt: Date | null;
}

/**
 * Reads where the project stands.
 * @throws LegacyError refused for a database that our migrations have not reached
 */
export async function readMoveState(sql: postgres.ISql): Promise<MoveState> {
  const [pushed] = await sql<{ there: boolean }[]>`
    select to_regclass('private.legacy_fills') is not null as there`;
  if (!pushed?.there) {
    throw new LegacyError(
      "refused",
      'The project lacks the tables of the move: run "supabase db push" first. Nothing was changed',
    );
  }
  const [row] = await sql<{ users_removed: number; purged_at: Date | null; archived: boolean }[]>`
    select users_removed, purged_at, to_regclass('legacy_archive.users') is not null as archived
    from private.legacy_removals`;
  return {
    removed: row !== undefined,
    usersRemoved: row?.users_removed ?? 0,
    archived: row?.archived ?? false,
    purgedAt: row?.purged_at ?? null,
  };
}
