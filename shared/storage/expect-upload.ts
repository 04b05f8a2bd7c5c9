import { AppError } from "../errors/app-error.ts";
import type { ObjectStat, ObjectStore } from "./object-store.ts";
import type { ObjectKey } from "./remove-objects.ts";

/**
 * Refuses unless the announced object lies at its key. One that is other than announced is removed:
 * an upload URL does not overwrite, so the wrong file would block the right one.
 * @param findFault says what is wrong with the object and what to do; undefined when nothing is
 * @throws AppError upload_missing (409), upload_mismatch (422), storage_unavailable (503)
 */
export async function expectUpload(
  objects: Pick<ObjectStore, "stat" | "remove">,
  { bucket, key }: ObjectKey,
  findFault: (found: ObjectStat) => string | undefined,
): Promise<void> {
  const found = await objects.stat(bucket, key);
  if (!found) {
    throw new AppError(
      "upload_missing",
      "The file has not arrived: upload it to the URL you were given, then complete the upload",
    );
  }
  const fault = findFault(found);
  if (fault === undefined) return;
  await objects.remove(bucket, [key]);
  throw new AppError("upload_mismatch", fault);
}
