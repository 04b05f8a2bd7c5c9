import type { VerifiedToken } from "../../auth/verify-token.ts";
import type { Database, Transaction } from "../../database/doors.ts";
import type { Counts } from "../erasure.ts";
import type { Scope } from "../manifest-rules.ts";
import { countScope, readScope } from "../rows.ts";
import { below, takenConditions } from "../stored-objects.ts";
import { type Confirmation, requiredConfirmation } from "./rules.ts";
import { type BlockingOrganization, listBlockingOrganizations, readSignInFacts } from "./store.ts";

/** Things of one kind and their size. */
export interface Held {
  readonly count: number;
  readonly bytes: number;
}

/** What an erasure of the caller would do now. */
export interface ErasurePreview {
  /** The videos that go, with the sizes their uploads announced. */
  readonly videos: Held;
  readonly scenes: number;
  readonly people: number;
  readonly photos: Held;
  /** Rows that name the user, per table, and objects that go, per bucket: as the engine counts. */
  readonly counts: Counts;
  /** Videos of the user that stay with an organization. */
  readonly organizationVideos: Held;
  readonly blockedBy: readonly BlockingOrganization[];
  readonly confirmation: Confirmation;
  readonly secondFactorRequired: boolean;
}

/**
 * Counts what the manifest would erase of the caller. Changes nothing.
 * @throws AppError session_revoked (401), database_unavailable (503)
 */
export async function previewErasure(
  database: Database,
  verified: VerifiedToken,
): Promise<ErasurePreview> {
  const [facts, blockedBy] = await database.asUser(
    verified,
    (sql) => Promise.all([readSignInFacts(sql), listBlockingOrganizations(sql)]),
  );
  // Past RLS, because what goes is more than what the user may read; the door above has told that
  // the session lives.
  const held = await database.asService((sql) => countHeld(sql, verified.user.supabaseUserId));
  return {
    ...held,
    blockedBy,
    confirmation: requiredConfirmation(verified, facts),
    secondFactorRequired: facts.second_factor,
  };
}

async function countHeld(sql: Transaction, userId: string) {
  const scope = await readScope(sql, { userId });
  const [counts, videos, scenes, people, photos, organizationVideos] = await Promise.all([
    countScope(sql, scope),
    sumVideos(sql, scope),
    countTaken(sql, "public.scenes", scope),
    countTaken(sql, "public.face_profiles", scope),
    sumPhotos(sql, userId),
    sumOrganizationVideos(sql, scope),
  ]);
  return { counts, videos, scenes, people, photos, organizationVideos };
}

async function countTaken(sql: Transaction, table: string, scope: Scope): Promise<number> {
  const rows = takenConditions(sql, table, scope)
    .map((condition) => sql`select t.ctid from ${sql(table)} as t where ${condition}`)
    .reduce((all, one) => sql`${all} union ${one}`);
  const [row] = await sql<{ count: number }[]>`select count(*) as count from (${rows}) as found`;
  return row?.count ?? 0;
}

async function sumVideos(sql: Transaction, scope: Scope): Promise<Held> {
  const rows = takenConditions(sql, "public.videos", scope)
    .map((condition) =>
      sql`select t.video_id, t.size_bytes from public.videos as t where ${condition}`
    )
    .reduce((all, one) => sql`${all} union ${one}`);
  return toHeld(
    await sql<Held[]>`
      select count(*) as count, coalesce(sum(size_bytes), 0)::bigint as bytes
      from (${rows}) as found`,
  );
}

async function sumPhotos(sql: Transaction, userId: string): Promise<Held> {
  return toHeld(
    await sql<Held[]>`
      select count(*) as count,
        coalesce(sum((o.metadata ->> 'size')::bigint), 0)::bigint as bytes
      from storage.objects as o
      where o.bucket_id = 'uploads' and ${below(sql, `faces/${userId}/`)}`,
  );
}

async function sumOrganizationVideos(sql: Transaction, { userId, going }: Scope): Promise<Held> {
  return toHeld(
    await sql<Held[]>`
      select count(*) as count, coalesce(sum(v.size_bytes), 0)::bigint as bytes
      from public.videos as v
      where v.user_id = ${userId}::uuid and v.organization_id is not null
        and v.organization_id <> all(${[...going]}::uuid[]) and v.deleted_at is null`,
  );
}

function toHeld([row]: readonly Held[]): Held {
  return row ?? { count: 0, bytes: 0 };
}
