import { AppError } from "../../../shared/errors/app-error.ts";
import type { Env } from "../../../shared/env.ts";
import { maxPhotoBytes, type PhotoMimeType } from "../../../shared/storage/keys.ts";
import type { ObjectStat } from "../../../shared/storage/object-store.ts";

/** Refuses where the deployment takes no new biometric data. */
export function requireFaceEnrollment(env: Pick<Env, "faceEnrollment">): void {
  if (env.faceEnrollment) return;
  throw new AppError(
    "feature_disabled",
    "This deployment takes no photos of people: ask its operator to enable face enrollment",
  );
}

/** Photos a person may have. `private.add_person_photo` holds it too. */
export const maxPhotos = 20;

/**
 * Refuses an upload that could not be completed, before it is made.
 * @throws AppError consent_required, photo_limit_reached
 */
export function requirePhotoRoom(
  { photo_count, consented }: { photo_count: number; consented: boolean },
): void {
  if (!consented) {
    throw new AppError(
      "consent_required",
      "The user has not agreed to face enrollment: set face_consent by PATCH /me first",
    );
  }
  if (photo_count >= maxPhotos) {
    throw new AppError(
      "photo_limit_reached",
      `This person has ${photo_count} photos already, and more are not taken`,
    );
  }
}

/** Why a stored object cannot be the announced photo; undefined when it can. */
export function findPhotoFault(object: ObjectStat, announced: PhotoMimeType): string | undefined {
  const remedy = "request a new upload URL and upload the photo again";
  if (object.contentType !== announced) {
    return `The uploaded object has type "${object.contentType}" and not "${announced}": ${remedy}`;
  }
  if (object.size === 0) return `The uploaded object is empty: ${remedy}`;
  if (object.size > maxPhotoBytes) {
    return `The uploaded object has more than ${maxPhotoBytes} bytes: ${remedy} in a smaller size`;
  }
  return undefined;
}
