import type { VerifiedToken } from "../../../shared/auth/verify-token.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { expectUpload } from "../../../shared/storage/expect-upload.ts";
import { buckets, readPhotoKey } from "../../../shared/storage/keys.ts";
import { findPhotoFault, requireFaceEnrollment } from "./people.ts";
import type { Person } from "./schemas.ts";
import { addPersonPhoto, readPerson } from "./store.ts";

/** Adds a photo to the person once Storage holds what its key announces. */
export async function finishPhoto(
  { env, database, objects }: Deps,
  verified: VerifiedToken,
  { personId, key }: { personId: string; key: string },
): Promise<Person> {
  requireFaceEnrollment(env);
  await database.asUser(verified, (sql) => readPerson(sql, personId));
  const announced = readPhotoKey(key, { userId: verified.user.supabaseUserId, personId });
  if (!announced) {
    throw new AppError("photo_not_found", "No photo of this person has this key");
  }
  const place = { bucket: buckets.uploads, key };
  await expectUpload(objects, place, (found) => findPhotoFault(found, announced));
  return await database.asUser(verified, (sql) => addPersonPhoto(sql, personId, key));
}
