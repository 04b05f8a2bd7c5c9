import type { ObjectStat } from "../../../shared/storage/object-store.ts";
import type { Job, Scene, Video } from "./schemas.ts";
import type { JobRow, SceneRow, VideoRow } from "./store.ts";

/** Why a stored object is not the announced file, and what to do; undefined when it is. */
export function findUploadFault(
  found: ObjectStat,
  announced: { mime_type: string; size_bytes: number },
): string | undefined {
  const faults = [
    found.size === announced.size_bytes
      ? undefined
      : `it has ${found.size} bytes, announced were ${announced.size_bytes}`,
    found.contentType === announced.mime_type
      ? undefined
      : `its type is "${found.contentType}", announced was "${announced.mime_type}"`,
  ].filter((fault) => fault !== undefined);
  if (faults.length === 0) return undefined;
  return `The file differs from what was announced and was removed: ${faults.join(" and ")}: ` +
    "upload the announced file to the same URL, then complete the upload";
}

/** A video as it goes over the wire. */
export function toVideo(row: VideoRow, urls: ReadonlyMap<string, string>): Video {
  return {
    video_id: row.video_id,
    user_id: row.user_id,
    organization_id: row.organization_id,
    title: row.title,
    description: row.description,
    tags: toTags(row.tags),
    filename: row.filename,
    language: row.language,
    mime_type: row.mime_type,
    size_bytes: row.size_bytes,
    duration_s: row.duration_s,
    state: row.state,
    error_text: row.error_text,
    thumbnail_url: row.thumbnail_key === null ? null : urls.get(row.thumbnail_key) ?? null,
    created_at: row.created_at.toISOString(),
    indexed_at: row.indexed_at?.toISOString() ?? null,
  };
}

/** A scene as it goes over the wire. */
export function toScene(
  videoId: string,
  { thumbnail_key, ...row }: SceneRow,
  urls: ReadonlyMap<string, string>,
): Scene {
  const thumbnailUrl = thumbnail_key === null ? null : urls.get(thumbnail_key) ?? null;
  return { ...row, video_id: videoId, thumbnail_url: thumbnailUrl };
}

/** A job as it goes over the wire. */
export function toJob(row: JobRow): Job {
  return {
    ...row,
    started_at: toIsoTime(row.started_at),
    finished_at: toIsoTime(row.finished_at),
  };
}

function toIsoTime(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString();
}

// The column is free JSON: the old system wrote objects there too.
function toTags(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((tag) => typeof tag === "string") : [];
}
