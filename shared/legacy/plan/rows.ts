import type postgres from "postgres";
import { type LegacyTableName, legacyTables } from "../schema.ts";
import type { Matter } from "./matters.ts";

/** Matters of one kind, of which `listed` are the first. */
export interface MatterPage {
  listed: Matter[];
  total: number;
}

/** Objects whose key carries a legacy id that changes. */
export interface ObjectCount {
  objects: number;
  /** Bytes of the videos among them; the legacy tables do not know the size of others. */
  bytes: number;
}

/** Rows of every legacy table. */
export async function countRows(sql: postgres.ISql): Promise<Record<LegacyTableName, number>> {
  const counts: Partial<Record<LegacyTableName, number>> = {};
  for (const { name } of legacyTables) {
    const [row] = await sql<{ count: string }[]>`
      select count(*) as count from ${sql(`public.${name}`)}`;
    counts[name] = Number(row?.count);
  }
  return counts as Record<LegacyTableName, number>;
}

/** Bytes of all videos, as the legacy rows tell. */
export async function sumVideoBytes(sql: postgres.ISql): Promise<number> {
  const [row] = await sql<{ bytes: string }[]>`
    select coalesce(sum(size_bytes), 0) as bytes from public.videos`;
  return Number(row?.bytes);
}

/**
 * Counts the objects to move: those of linked users and of `moved`, the legacy ids of others whose
 * id changes by decision.
 */
export async function countMovingObjects(
  sql: postgres.ISql,
  moved: readonly string[],
): Promise<ObjectCount> {
  const [row] = await sql<{ objects: string; bytes: string }[]>`
    with owners as materialized (
      select user_id from public.users where supabase_user_id <> user_id
      union
      select unnest(${[...moved]}::uuid[])
    ),
    owned as (
      select v.* from public.videos as v join owners using (user_id)
    ),
    keys as (
      select 'uploads' as bucket, storage_key as key, user_id, size_bytes from owned
      union
      select 'uploads', photo.key, p.user_id, 0
      from public.face_profiles as p join owners using (user_id), unnest(p.photo_keys) as photo (key)
      union
      select 'thumbnails', s.thumbnail_key, v.user_id, 0
      from public.scenes as s join owned as v using (video_id)
      union
      select 'sidecars', s.sidecar_key, v.user_id, 0
      from public.scenes as s join owned as v using (video_id)
      union
      select 'thumbnails', m.thumbnail_url, v.user_id, 0
      from public.video_metadata as m join owned as v using (video_id)
      where m.thumbnail_url not like '%://%'
    )
    select count(*) as objects, coalesce(sum(size_bytes), 0) as bytes
    from keys where strpos(key, user_id::text) > 0`;
  return { objects: Number(row?.objects), bytes: Number(row?.bytes) };
}

/** Owners of videos and people whom no users row names; only a database without foreign keys has any. */
export async function readUnknownOwners(
  sql: postgres.ISql,
  limit: number,
): Promise<MatterPage> {
  const rows = await sql<{ user_id: string; rows: string; total: string }[]>`
    select o.user_id, count(*) as rows, count(*) over () as total
    from (
      select user_id from public.videos where user_id is not null
      union all
      select user_id from public.face_profiles where user_id is not null
    ) as o
    where not exists (select from public.users as u where u.user_id = o.user_id)
    group by o.user_id order by o.user_id limit ${limit}`;
  return {
    total: Number(rows[0]?.total ?? 0),
    listed: rows.map((row) => ({
      kind: "unknown_owner",
      subject: row.user_id,
      what: `Videos and people of an owner whom no legacy user is: ${row.rows}`,
      actions: ["keep"],
      suggested: { kind: "unknown_owner", subject: row.user_id, action: "keep" },
    })),
  };
}

/** Owners who have several people of one name. */
export async function readPersonNames(sql: postgres.ISql, limit: number): Promise<MatterPage> {
  const rows = await sql<{ user_id: string; names: string; total: string }[]>`
    select r.user_id, count(*) as names, count(*) over () as total
    from (
      select user_id, name from public.face_profiles
      where user_id is not null group by user_id, name having count(*) > 1
    ) as r
    group by r.user_id order by r.user_id limit ${limit}`;
  return {
    total: Number(rows[0]?.total ?? 0),
    listed: rows.map((row) => ({
      kind: "person_names",
      subject: row.user_id,
      what: `Names that several people have: ${row.names}`,
      actions: ["suffix"],
      suggested: { kind: "person_names", subject: row.user_id, action: "suffix" },
    })),
  };
}

/** What the rows hold besides; nothing of it has to be decided. */
export interface RowNotes {
  orphanAuditEvents: number;
  orphanRateLimits: number;
  repeatedRateLimits: number;
  unownedPeople: number;
  deletedVideos: number;
  liveSessions: number;
}

/** Counts what an operator should know of the rows. */
export async function readRowNotes(sql: postgres.ISql): Promise<RowNotes> {
  const [row] = await sql<Record<keyof RowNotes, string>[]>`
    select
      (select count(*) from public.audit_events as a where a.user_id is not null
        and not exists (select from public.users as u where u.user_id = a.user_id)
      ) as "orphanAuditEvents",
      (select count(*) from public.rate_limits as r where r.user_id is not null
        and not exists (select from public.users as u where u.user_id = r.user_id)
      ) as "orphanRateLimits",
      (select coalesce(sum(n - 1), 0) from (
          select count(*) as n from public.rate_limits where user_id is not null
          group by user_id, resource, window_start having count(*) > 1
        ) as g) as "repeatedRateLimits",
      (select count(*) from public.face_profiles where user_id is null) as "unownedPeople",
      (select count(*) from public.videos where state = 'deleted') as "deletedVideos",
      (select count(distinct user_id) from public.refresh_tokens
        where not revoked and expires_at > now()) as "liveSessions"`;
  return {
    orphanAuditEvents: Number(row?.orphanAuditEvents),
    orphanRateLimits: Number(row?.orphanRateLimits),
    repeatedRateLimits: Number(row?.repeatedRateLimits),
    unownedPeople: Number(row?.unownedPeople),
    deletedVideos: Number(row?.deletedVideos),
    liveSessions: Number(row?.liveSessions),
  };
}
