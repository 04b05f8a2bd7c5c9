import type { ObjectStore } from "./object-store.ts";

/** Where one stored object lies. */
export interface ObjectKey {
  readonly bucket: string;
  readonly key: string;
}

/**
 * Removes objects that may lie in several buckets, one bucket after the other.
 * Objects that do not exist are passed over, so that a second run completes a broken first one.
 * @throws AppError storage_unavailable; what was removed until then stays removed.
 */
export async function removeObjects(
  objects: Pick<ObjectStore, "remove">,
  keys: readonly ObjectKey[],
): Promise<void> {
  const byBucket = Map.groupBy(keys, (one) => one.bucket);
  for (const [bucket, inBucket] of byBucket) {
    await objects.remove(bucket, inBucket.map((one) => one.key));
  }
}
