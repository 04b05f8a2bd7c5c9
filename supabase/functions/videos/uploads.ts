import { AppError } from "../../../shared/errors/app-error.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { expectUpload } from "../../../shared/storage/expect-upload.ts";
import { buckets, videoKey } from "../../../shared/storage/keys.ts";
import { ObjectExistsError, type UploadTicket } from "../../../shared/storage/object-store.ts";
import { removeObjects } from "../../../shared/storage/remove-objects.ts";
import { sanitizeFileName } from "../../../shared/text/file-name.ts";
import type { InitUpload, UploadTicketBody } from "./schemas.ts";
import {
  beginVideoDeletion,
  completeUpload,
  createVideo,
  finishVideoDeletion,
  getStoredVideo,
  type StoredVideo,
} from "./store.ts";
import { findUploadFault } from "./videos.ts";

/**
 * Creates a video and signs its upload. The URL is signed first: when Storage is down nothing has
 * been written, and when the database refuses, an unused signature is all that remains.
 */
export async function beginUpload(
  { database, objects }: Deps,
  verified: VerifiedToken,
  request: InitUpload,
  idempotencyKey: string | undefined,
): Promise<UploadTicketBody> {
  const videoId = crypto.randomUUID();
  const key = videoKey(verified.user.supabaseUserId, videoId, request.mime_type);
  const ticket = await objects.createUploadUrl(buckets.uploads, key);
  const video = await database.asUser(verified, (sql) =>
    createVideo(sql, {
      ...request,
      filename: sanitizeFileName(request.filename),
      video_id: videoId,
      idempotency_key: idempotencyKey,
    }));
  return toTicketBody(
    video.video_id,
    video.video_id === videoId ? ticket : await signAgain(objects, video),
  );
}

async function signAgain(objects: Deps["objects"], video: StoredVideo): Promise<UploadTicket> {
  const conflict = (cause?: unknown) =>
    new AppError(
      "video_state_conflict",
      "The file of this video has already arrived: complete the upload instead",
      { cause },
    );
  if (video.state !== "uploading") throw conflict();
  try {
    return await objects.createUploadUrl(buckets.uploads, video.storage_key);
  } catch (error) {
    throw error instanceof ObjectExistsError ? conflict(error) : error;
  }
}

function toTicketBody(videoId: string, ticket: UploadTicket): UploadTicketBody {
  return {
    video_id: videoId,
    bucket: buckets.uploads,
    path: ticket.path,
    token: ticket.token,
    upload_url: ticket.uploadUrl,
    expires_in: ticket.expiresIn,
  };
}

/** Hands a video to processing once Storage holds exactly the announced file. */
export async function finishUpload(
  { database, objects }: Deps,
  verified: VerifiedToken,
  videoId: string,
): Promise<StoredVideo> {
  const video = await database.asUser(verified, (sql) => getStoredVideo(sql, videoId));
  if (video.state === "uploading") {
    const place = { bucket: buckets.uploads, key: video.storage_key };
    await expectUpload(objects, place, (found) => findUploadFault(found, video));
  }
  return await database.asUser(verified, (sql) => completeUpload(sql, videoId));
}

/**
 * Deletes a video: invisible first, then its objects, then its rows. Whatever fails between can be
 * repeated: the video stays marked and the next call goes on.
 */
export async function deleteVideo(
  { database, objects }: Deps,
  verified: VerifiedToken,
  videoId: string,
): Promise<void> {
  const keys = await database.asUser(verified, (sql) => beginVideoDeletion(sql, videoId));
  await removeObjects(objects, keys);
  await database.asUser(verified, (sql) => finishVideoDeletion(sql, videoId));
}
