import { buckets, downloadUrlSeconds } from "./keys.ts";
import type { ObjectStore } from "./object-store.ts";

/**
 * Download URLs by key for the pictures of these rows, signed in one call; a picture whose object
 * is gone has none. They live an hour.
 * @throws AppError storage_unavailable
 */
export function signThumbnails(
  objects: ObjectStore,
  rows: readonly { thumbnail_key: string | null }[],
): Promise<Map<string, string>> {
  const keys = rows.map((row) => row.thumbnail_key).filter((key) => key !== null);
  return objects.signDownloads(buckets.thumbnails, [...new Set(keys)], downloadUrlSeconds);
}
