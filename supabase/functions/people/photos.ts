import { AppError } from "../../../shared/errors/app-error.ts";
import { buckets, type PhotoMimeType } from "../../../shared/storage/keys.ts";
import type { ObjectStore } from "../../../shared/storage/object-store.ts";
import { findPhotoFault } from "./people.ts";

/** Refuses unless the announced photo really lies in the bucket; an object of another kind goes. */
export async function checkUploadedPhoto(
  objects: ObjectStore,
  key: string,
  announced: PhotoMimeType,
): Promise<void> {
  const object = await objects.stat(buckets.uploads, key);
  if (!object) {
    throw new AppError(
      "upload_missing",
      "No object was uploaded for this photo: upload it to its URL first",
    );
  }
  const fault = findPhotoFault(object, announced);
  if (!fault) return;
  // No row names this object, so nothing would ever take it away with the person.
  await objects.remove(buckets.uploads, [key]);
  throw new AppError("upload_mismatch", fault);
}
