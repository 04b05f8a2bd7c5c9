import { AppError } from "../../../shared/errors/app-error.ts";
import { nameFailure } from "../../../shared/errors/name-failure.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { removeStaleObjects } from "../../../shared/indexing/stale-objects.ts";
import {
  type Bucket,
  buckets,
  downloadUrlSeconds,
  uploadUrlSeconds,
} from "../../../shared/storage/keys.ts";
import type {
  ClaimedJob,
  ClaimJob,
  CompletedJob,
  CompleteJob,
  CreateJobUploads,
  FailedJob,
  FailJob,
  JobProgress,
  JobUploads,
  ProgressJob,
  PutScenes,
  StoredPart,
} from "./worker-schemas.ts";
import * as store from "./worker-store.ts";

/** Upload URLs that are signed at the same time. */
const signedAtATime = 10;

/** Jobs without a file that one claim fails before it answers that nothing is due. */
const mostDropped = 20;

/** Missing parts that an answer names. */
const mostMissing = 20;

/**
 * The next job for a worker, with a URL of the video's file; undefined when nothing is due. A job
 * whose file is gone fails for good, and the one after it is taken.
 * @throws AppError storage_unavailable; the job is given back and its attempt does not count
 */
export async function claimJob(deps: Deps, request: ClaimJob): Promise<ClaimedJob | undefined> {
  for (let dropped = 0; dropped < mostDropped; dropped++) {
    const row = await deps.database.asService((sql) => store.claimJob(sql, request));
    if (!row) return undefined;
    const url = await signFile(deps, row);
    if (url !== undefined) return toClaimedJob(row, url);
    await dropJob(deps, row);
  }
  return undefined;
}

/** Fails a job without a file; one that was cancelled meanwhile, or went with its video, is done. */
async function dropJob(deps: Deps, { job_id, lease_id }: store.ClaimedRow): Promise<void> {
  const error = "The uploaded file is missing: upload the video again";
  try {
    await failJob(deps, job_id, { lease_id, error, retry: false });
  } catch (failure) {
    const gone = failure instanceof AppError &&
      (failure.code === "job_cancelled" || failure.code === "job_not_found");
    if (!gone) throw failure;
  }
}

async function signFile(
  { database, objects, log }: Deps,
  row: store.ClaimedRow,
): Promise<string | undefined> {
  const key = row.storage_key;
  try {
    return (await objects.signDownloads(buckets.uploads, [key], downloadUrlSeconds)).get(key);
  } catch (error) {
    // Without this the job would wait for its lease to run out.
    await database.asService((sql) => store.releaseJob(sql, row)).catch((failure) =>
      log({ level: "error", event: "release_job_failed", reason: nameFailure(failure) })
    );
    throw error;
  }
}

function toClaimedJob(row: store.ClaimedRow, downloadUrl: string): ClaimedJob {
  return {
    job: {
      job_id: row.job_id,
      lease_id: row.lease_id,
      lease_until: row.lease_until.toISOString(),
      stage: row.stage,
      attempt: row.attempt,
      video: {
        video_id: row.video_id,
        language: row.language,
        mime_type: row.mime_type,
        size_bytes: row.size_bytes,
        duration_s: row.duration_s,
        scenes_from: row.scenes_from,
        download_url: downloadUrl,
      },
    },
  };
}

/** Writes the progress of a job and extends its lease. */
export async function progressJob(
  { database }: Deps,
  jobId: string,
  request: ProgressJob,
): Promise<JobProgress> {
  const row = await database.asService((sql) => store.progressJob(sql, jobId, request));
  return { job_id: jobId, ...row, lease_until: row.lease_until.toISOString() };
}

/** Ends a job well and queues what follows. */
export async function completeJob(
  { database }: Deps,
  jobId: string,
  request: CompleteJob,
): Promise<CompletedJob> {
  const row = await database.asService((sql) => store.completeJob(sql, jobId, request));
  return { job_id: jobId, ...row };
}

/** Ends an attempt badly; the job waits for the next one or has failed. */
export async function failJob(
  { database }: Deps,
  jobId: string,
  request: FailJob,
): Promise<FailedJob> {
  const row = await database.asService((sql) => store.failJob(sql, jobId, request));
  return { job_id: jobId, ...row, retry_at: row.retry_at?.toISOString() ?? null };
}

/**
 * Signs uploads of thumbnails and the sidecar for the worker that holds the job; it has no key to
 * Storage itself. The same object may be uploaded again while the URL lives.
 * @throws AppError lease_lost, job_cancelled, job_not_found, storage_unavailable
 */
export async function createJobUploads(
  { database, objects }: Deps,
  jobId: string,
  { lease_id, scene_ids, sidecar }: CreateJobUploads,
): Promise<JobUploads> {
  const { video_id, folder } = await database.asService((sql) =>
    store.readJobFolder(sql, jobId, lease_id)
  );
  const sign = async (bucket: Bucket, key: string) => {
    const { path, token, uploadUrl } = await objects.createUploadUrl(bucket, key, { upsert: true });
    return { bucket, path, token, upload_url: uploadUrl };
  };
  const thumbnails: JobUploads["thumbnails"] = [];
  for (let start = 0; start < scene_ids.length; start += signedAtATime) {
    thumbnails.push(
      ...await Promise.all(
        scene_ids.slice(start, start + signedAtATime).map(async (scene_id) => {
          const key = `${folder}/${video_id}/${scene_id}.jpg`;
          return { scene_id, ...await sign(buckets.thumbnails, key) };
        }),
      ),
    );
  }
  return {
    thumbnails,
    sidecar: sidecar ? await sign(buckets.sidecars, `${folder}/${video_id}.json`) : null,
    expires_in: uploadUrlSeconds,
  };
}

/**
 * Takes one part of a revision, and swaps it in with the final one.
 * @throws AppError parts_missing (the final part is kept), feature_disabled (people, where the
 * deployment takes no biometric data), and what private.put_scenes refuses
 */
export async function putScenes(
  deps: Deps,
  videoId: string,
  request: PutScenes,
): Promise<StoredPart> {
  if (!deps.env.faceEnrollment && request.scenes.some(({ people }) => people?.length)) {
    throw new AppError("feature_disabled", "This deployment takes no people: leave people out");
  }
  const row = await deps.database.asService((sql) => store.putScenes(sql, videoId, request));
  if (row.missing.length > 0) throw partsMissing(row.missing);
  if (row.swapped) deps.waitUntil(removeStaleObjects(deps, { videoId }));
  return {
    video_id: videoId,
    revision: request.revision,
    part: request.part,
    scenes: request.scenes.length,
    swapped: row.swapped,
    total_scenes: row.total,
    vectors_stored: row.vectors_stored,
  };
}

function partsMissing(missing: number[]): AppError {
  const named = missing.slice(0, mostMissing);
  return new AppError(
    "parts_missing",
    `Parts of the revision are missing: send ${named.join(", ")}, then the final part again`,
    { errors: named.map((part) => ({ path: `part ${part}`, message: "Has not arrived" })) },
  );
}
