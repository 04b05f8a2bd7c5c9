import { AppError } from "../../../shared/errors/app-error.ts";
import type { Transaction } from "../../../shared/database/doors.ts";
import type { ObjectKey } from "../../../shared/storage/remove-objects.ts";
import { tierLimits } from "../../../shared/auth/tiers.ts";
import type { CaptionScene } from "./captions.ts";
import type { InitUpload, Job, UpdateVideo, VideoState } from "./schemas.ts";

/** A video as the database gives it. */
export interface VideoRow {
  video_id: string;
  user_id: string | null;
  organization_id: string | null;
  title: string | null;
  description: string | null;
  tags: unknown;
  filename: string | null;
  language: string | null;
  mime_type: string;
  size_bytes: number;
  duration_s: number | null;
  state: VideoState;
  error_text: string | null;
  created_at: Date;
  indexed_at: Date | null;
  thumbnail_key: string | null;
}

/** A stored video as `private.create_video` and `private.complete_upload` answer it. */
export interface StoredVideo {
  video_id: string;
  storage_key: string;
  mime_type: string;
  size_bytes: number;
  state: VideoState;
}

export interface SceneRow {
  scene_id: string;
  start_s: number;
  end_s: number;
  transcript: string | null;
  thumbnail_key: string | null;
  people: { person_id: string; name: string; confidence: number }[];
}

/** Place of the last video of a page: time in full precision, which a Date has not. */
export interface VideoPosition {
  createdAt: string;
  videoId: string;
}

export interface ScenePosition {
  startS: number;
  sceneId: string;
}

export interface VideoPage {
  /** With the creation time in full precision and the time of the page. */
  rows: (VideoRow & { position_time: string; now: string; total: number | null })[];
  total: number | undefined;
}

const notFound = () => new AppError("video_not_found", "There is no video with this id");

const videoColumns = (sql: Transaction) =>
  sql`
    v.video_id, v.user_id, v.organization_id, m.title, m.description, m.tags, v.filename,
    v.language, v.mime_type, v.size_bytes, v.duration_s, v.state, v.error_text, v.created_at,
    v.indexed_at,
    (select s.thumbnail_key
       from public.scenes s
      where s.video_id = v.video_id and s.thumbnail_key is not null
      order by s.start_s
      limit 1) as thumbnail_key`;

/** What a list of videos is asked for; a person or organization the caller has not fits none. */
export interface VideoListRequest {
  limit: number;
  state?: VideoState | undefined;
  organization_id?: string | undefined;
  person_id?: string | undefined;
  created_from?: string | undefined;
  created_to?: string | undefined;
  after: VideoPosition | undefined;
  asOf: string | undefined;
  count: boolean;
}

/** One page, newest first. `limit` rows and one more, from which the caller sees whether any follow. */
export async function listVideos(sql: Transaction, o: VideoListRequest): Promise<VideoPage> {
  const filter = toVideoFilter(sql, o);
  const rows = await sql<(VideoPage["rows"][number] | EmptyVideoRow)[]>`
    with ${appearances(sql, o.person_id)}
    page as (
      select found.* from (${videoBranches(sql, o, filter)}) found
       order by found.created_at desc, found.video_id desc
       limit ${o.limit + 1}
    )
    select ${videoColumns(sql)}, v.created_at::text as position_time, now()::text as now,
           counted.total
      from (select ${countVideos(sql, o, filter)} as total) counted
      left join page on true
      left join public.videos v on v.video_id = page.video_id
      left join public.video_metadata m on m.video_id = v.video_id
     order by page.created_at desc, page.video_id desc`;
  return {
    rows: rows.filter((row) => row.video_id !== null),
    total: rows[0]?.total ?? undefined,
  };
}

/** The only row of an empty page: it carries the total. */
type EmptyVideoRow = { video_id: null; total: number | null };

type Fragment = ReturnType<typeof videoColumns>;

/** Conditions on `v`. The driver would cut a timestamp to milliseconds, so times travel as text. */
function toVideoFilter(sql: Transaction, o: VideoListRequest): Fragment {
  return sql`
    v.state <> 'deleted'
    ${o.state ? sql`and v.state = ${o.state}` : sql``}
    ${o.organization_id === "none" ? sql`and v.organization_id is null` : sql``}
    ${isUuid(o.organization_id) ? sql`and v.organization_id = ${o.organization_id}` : sql``}
    ${o.person_id ? sql`and v.video_id in (select a.video_id from appearances a)` : sql``}
    ${o.created_from ? sql`and v.created_at >= ${o.created_from}::text::timestamptz` : sql``}
    ${o.created_to ? sql`and v.created_at <= ${o.created_to}::text::timestamptz` : sql``}
    ${o.asOf ? sql`and v.created_at <= ${o.asOf}::text::timestamptz` : sql``}`;
}

function isUuid(organization: string | undefined): organization is string {
  return organization !== undefined && organization !== "none";
}

function appearances(sql: Transaction, personId: string | undefined): Fragment {
  return personId === undefined ? sql`` : sql`
    appearances as materialized (
      select distinct s.video_id
        from public.face_profiles p
        join public.scene_people sp on sp.person_id = p.person_id
        join public.scenes s on s.scene_id = sp.scene_id
       where p.person_id = ${personId}::uuid
    ),`;
}

/**
 * The caller's videos and those of each organization, every branch from an index in the order of the
 * list: with one condition for all, each page would sort the whole library.
 */
function videoBranches(sql: Transaction, o: VideoListRequest, filter: Fragment): Fragment {
  const after = o.after
    ? sql`and (v.created_at, v.video_id)
            < (${o.after.createdAt}::text::timestamptz, ${o.after.videoId}::uuid)`
    : sql``;
  const end = sql`
    and ${filter} ${after}
    order by v.created_at desc, v.video_id desc
    limit ${o.limit + 1}`;
  const own = sql`
    (select v.video_id, v.created_at from public.videos v
      where v.user_id = (select auth.uid()) ${end})`;
  if (o.organization_id === "none") return own;
  return sql`
    ${own}
    union all
    select shared.video_id, shared.created_at
      from unnest((select private.list_own_organizations())::uuid[]) as o (organization_id)
      cross join lateral (
        select v.video_id, v.created_at from public.videos v
         where v.organization_id = o.organization_id
           and v.user_id is distinct from (select auth.uid()) ${end}
      ) shared`;
}

/** By the same branches: without an owner to ask for, a count reads the videos of everybody. */
function countVideos(sql: Transaction, o: VideoListRequest, filter: Fragment): Fragment {
  if (!o.count) return sql`null::int`;
  const own = sql`
    (select count(*) from public.videos v where v.user_id = (select auth.uid()) and ${filter})`;
  if (o.organization_id === "none") return sql`${own}::int`;
  return sql`
    (${own} + (
      select count(*)
        from unnest((select private.list_own_organizations())::uuid[]) as o (organization_id)
        join public.videos v on v.organization_id = o.organization_id
       where v.user_id is distinct from (select auth.uid()) and ${filter}))::int`;
}

export async function getVideo(sql: Transaction, videoId: string): Promise<VideoRow> {
  const [row] = await sql<VideoRow[]>`
    select ${videoColumns(sql)}
      from public.videos v
      left join public.video_metadata m on m.video_id = v.video_id
     where v.video_id = ${videoId} and v.state <> 'deleted'`;
  if (!row) throw notFound();
  return row;
}

/** A video that the caller may complete; one that it may only read is not found, as in SQL. */
export async function getStoredVideo(sql: Transaction, videoId: string): Promise<StoredVideo> {
  const [row] = await sql<StoredVideo[]>`
    select v.video_id, v.storage_key, v.mime_type, v.size_bytes, v.state
      from public.videos v
     where v.video_id = ${videoId} and v.state <> 'deleted'
       and (v.user_id = (select auth.uid())
            or v.organization_id = any((select private.list_managed_organizations())::uuid[]))`;
  if (!row) throw notFound();
  return row;
}

export async function getStatus(
  sql: Transaction,
  videoId: string,
): Promise<{ video_id: string; state: VideoState; error_text: string | null; jobs: JobRow[] }> {
  const [row] = await sql<
    { video_id: string; state: VideoState; error_text: string | null; jobs: JobRow[] }[]
  >`
    select v.video_id, v.state, v.error_text,
           coalesce((
             select json_agg(json_build_object(
                      'job_id', j.job_id, 'stage', j.stage, 'state', j.state,
                      'progress', j.progress, 'error_text', j.error_text,
                      'started_at', j.started_at, 'finished_at', j.finished_at)
                    order by j.stage, j.job_id)
               from public.jobs j
              where j.video_id = v.video_id), '[]') as jobs
      from public.videos v
     where v.video_id = ${videoId} and v.state <> 'deleted'`;
  if (!row) throw notFound();
  return row;
}

/** A job as JSON from the database: times carry an offset instead of Z. */
export type JobRow = Job;

/** One page of scenes in playing order; unknown videos throw, videos without scenes do not. */
export async function listScenes(
  sql: Transaction,
  o: {
    videoId: string;
    limit: number;
    after: ScenePosition | undefined;
    asOf: string | undefined;
  },
): Promise<{ rows: SceneRow[]; asOf: string }> {
  const [row] = await sql<{ now: string; scenes: SceneRow[] }[]>`
    select now()::text as now,
           coalesce((
             select json_agg(to_json(page) order by page.start_s, page.scene_id)
               from (
                 select s.scene_id, s.start_s, s.end_s, s.transcript, s.thumbnail_key,
                        coalesce((
                          select json_agg(json_build_object(
                                   'person_id', p.person_id, 'name', p.name,
                                   'confidence', sp.confidence)
                                 order by sp.confidence desc, p.person_id)
                            from public.scene_people sp
                            join public.face_profiles p on p.person_id = sp.person_id
                           where sp.scene_id = s.scene_id), '[]') as people
                   from public.scenes s
                  where s.video_id = v.video_id
                    ${o.asOf ? sql`and s.created_at <= ${o.asOf}::text::timestamptz` : sql``}
                    ${
    o.after
      ? sql`and (s.start_s, s.scene_id) > (${o.after.startS}::numeric, ${o.after.sceneId}::uuid)`
      : sql``
  }
                  order by s.start_s, s.scene_id
                  limit ${o.limit + 1}
               ) page), '[]') as scenes
      from public.videos v
     where v.video_id = ${o.videoId} and v.state <> 'deleted'`;
  if (!row) throw notFound();
  return { rows: row.scenes, asOf: o.asOf ?? row.now };
}

/** Creates the video, or finds the one that the same idempotency key created before. */
export async function createVideo(
  sql: Transaction,
  video: InitUpload & { video_id: string; idempotency_key: string | undefined },
): Promise<StoredVideo> {
  const uploadLimits = Object.fromEntries(
    Object.entries(tierLimits).map(([tier, limits]) => [tier, limits.uploadsPerDay]),
  );
  const [row] = await sql<StoredVideo[]>`
    select video_id, storage_key, mime_type, size_bytes, state
      from private.create_video(
             ${sql.json(withoutUndefined(video))}::jsonb, ${sql.json(uploadLimits)}::jsonb)`;
  if (!row) throw new Error("Database function private.create_video answered no row");
  return row;
}

export async function completeUpload(sql: Transaction, videoId: string): Promise<StoredVideo> {
  const [row] = await sql<StoredVideo[]>`
    select video_id, storage_key, mime_type, size_bytes, state
      from private.complete_upload(${videoId}::uuid)`;
  if (!row) throw notFound();
  return row;
}

/** Replaces the scenes of the video and answers it as it stands then. */
export async function setCaptions(
  sql: Transaction,
  o: { videoId: string; scenes: CaptionScene[]; language: string | undefined },
): Promise<VideoRow> {
  const scenes = o.scenes.map(({ startS, endS, text }) => ({ start_s: startS, end_s: endS, text }));
  // Five megabytes of words take seconds to index.
  await sql`select set_config('statement_timeout', '18s', true)`;
  await sql`
    select video_id
      from private.set_captions(
             ${o.videoId}::uuid, ${sql.json(scenes)}::jsonb, ${o.language ?? null}::text)`;
  return await getVideo(sql, o.videoId);
}

/** Merges the changes into the description of the video; null clears a field. */
export async function updateVideo(
  sql: Transaction,
  videoId: string,
  changes: UpdateVideo,
): Promise<VideoRow> {
  const sent = sql.json(withoutUndefined(changes));
  // Another language writes the words of every scene anew.
  if (changes.language !== undefined) {
    await sql`select set_config('statement_timeout', '18s', true)`;
  }
  await sql`select private.update_video(${videoId}::uuid, ${sent}::jsonb)`;
  return await getVideo(sql, videoId);
}

/** Marks the video deleted and answers the objects that have to go before its rows may. */
export async function beginVideoDeletion(sql: Transaction, videoId: string): Promise<ObjectKey[]> {
  return [
    ...await sql<ObjectKey[]>`
      select bucket, key from private.begin_video_deletion(${videoId}::uuid)`,
  ];
}

export async function finishVideoDeletion(sql: Transaction, videoId: string): Promise<void> {
  await sql`select private.finish_video_deletion(${videoId}::uuid)`;
}

function withoutUndefined<T extends Record<string, unknown>>(
  value: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}
