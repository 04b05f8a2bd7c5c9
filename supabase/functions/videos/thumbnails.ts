import { buckets, downloadUrlSeconds } from "../../../shared/storage/keys.ts";
import type { ObjectStore } from "../../../shared/storage/object-store.ts";

/** Download URLs by key for the pictures of these rows, signed in one call. */
export function signThumbnails(
  objects: ObjectStore,
  rows: readonly { thumbnail_key: string | null }[],
): Promise<Map<string, string>> {
  const keys = rows.map((row) => row.thumbnail_key).filter((key) => key !== null);
  return objects.signDownloads(buckets.thumbnails, [...new Set(keys)], downloadUrlSeconds);
}
