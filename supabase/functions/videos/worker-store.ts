import type { Transaction } from "../../../shared/database/doors.ts";
import type { VideoState } from "./schemas.ts";
import type {
  ClaimedJob,
  ClaimJob,
  CompletedJob,
  CompleteJob,
  FailedJob,
  FailJob,
  ProgressJob,
  PutScenes,
} from "./worker-schemas.ts";

type Job = ClaimedJob["job"];

/** A claimed job with the key of its video's file. */
export interface ClaimedRow {
  job_id: string;
  lease_id: string;
  lease_until: Date;
  stage: Job["stage"];
  attempt: number;
  video_id: string;
  storage_key: string;
  language: string | null;
  mime_type: string;
  size_bytes: number;
  duration_s: number | null;
  scenes_from: Job["video"]["scenes_from"];
}

export interface ProgressRow {
  state: Extract<CompletedJob["state"], "running">;
  progress: number;
  lease_until: Date;
}

export interface FailedRow {
  state: FailedJob["state"];
  video_state: VideoState;
  attempts: number;
  retry_at: Date | null;
}

/** What became of a part. `missing` numbers parts without which the revision was not swapped in. */
export interface PutRow {
  missing: number[];
  swapped: boolean;
  total: number | null;
  vectors_stored: boolean;
}

/** Takes the next due job; undefined when there is none. */
export async function claimJob(
  sql: Transaction,
  { stages, lease_seconds, worker }: ClaimJob,
): Promise<ClaimedRow | undefined> {
  const [row] = await sql<ClaimedRow[]>`
    select * from private.claim_job(
      ${stages ?? null}::text[], ${lease_seconds}::integer, ${worker ?? null}::text)`;
  return row;
}

/** Gives back a job that was claimed and never reached its worker. */
export async function releaseJob(
  sql: Transaction,
  { job_id, lease_id }: Pick<ClaimedRow, "job_id" | "lease_id">,
): Promise<void> {
  await sql`select private.release_job(${job_id}::uuid, ${lease_id}::uuid)`;
}

export async function progressJob(
  sql: Transaction,
  jobId: string,
  { lease_id, progress, message }: ProgressJob,
): Promise<ProgressRow> {
  const rows = await sql<ProgressRow[]>`
    select * from private.progress_job(
      ${jobId}::uuid, ${lease_id}::uuid, ${progress}::double precision, ${message ?? null}::text)`;
  return expectRow(rows, "progress_job");
}

export async function completeJob(
  sql: Transaction,
  jobId: string,
  { lease_id, next_stages, video }: CompleteJob,
): Promise<Omit<CompletedJob, "job_id">> {
  const rows = await sql<Omit<CompletedJob, "job_id">[]>`
    select * from private.complete_job(
      ${jobId}::uuid, ${lease_id}::uuid, ${next_stages}::text[],
      ${video?.duration_s ?? null}::numeric, ${video?.language ?? null}::text)`;
  return expectRow(rows, "complete_job");
}

export async function failJob(
  sql: Transaction,
  jobId: string,
  { lease_id, error, retry }: FailJob,
): Promise<FailedRow> {
  const rows = await sql<FailedRow[]>`
    select * from private.fail_job(
      ${jobId}::uuid, ${lease_id}::uuid, ${error}::text, ${retry}::boolean)`;
  return expectRow(rows, "fail_job");
}

/** The folder of the video's thumbnails and sidecar, for the worker that holds the job. */
export async function readJobFolder(
  sql: Transaction,
  jobId: string,
  leaseId: string,
): Promise<{ video_id: string; folder: string }> {
  const rows = await sql<{ video_id: string; folder: string }[]>`
    select * from private.read_job_folder(${jobId}::uuid, ${leaseId}::uuid)`;
  return expectRow(rows, "read_job_folder");
}

/** Stages one part, and swaps the revision in when the part is final and nothing is missing. */
export async function putScenes(
  sql: Transaction,
  videoId: string,
  { lease_id, revision, part, parts, scenes }: PutScenes,
): Promise<PutRow> {
  // The largest revision is tens of megabytes of words to index.
  if (parts !== undefined) await sql`select set_config('statement_timeout', '50s', true)`;
  const rows = await sql<PutRow[]>`
    select * from private.put_scenes(
      ${videoId}::uuid, ${lease_id}::uuid, ${revision}::uuid, ${part}::integer,
      ${parts ?? null}::integer, ${JSON.stringify(scenes)}::text::jsonb)`;
  return expectRow(rows, "put_scenes");
}

function expectRow<T>([row]: readonly T[], name: string): T {
  if (!row) throw new Error(`Database function private.${name} answered no row`);
  return row;
}
