/** Names of the private buckets. Source: design section 5. */
export const buckets = {
  uploads: "uploads",
  thumbnails: "thumbnails",
  sidecars: "sidecars",
  exports: "exports",
  receipts: "receipts",
} as const;

/** One of the project's buckets. */
export type Bucket = (typeof buckets)[keyof typeof buckets];

/** Largest video in bytes: 1 GiB. Source: design section 4. */
export const maxVideoBytes = 1_073_741_824;

/** Largest photo of a person in bytes: 10 MiB. */
export const maxPhotoBytes = 10 * 1024 * 1024;

/** Lifetime in seconds of an upload URL. Supabase Storage fixes it at two hours. */
export const uploadUrlSeconds = 7200;

/** Lifetime in seconds of the download URLs that lists hand out: one hour, the longest allowed. */
export const downloadUrlSeconds = 3600;

/** Video types that may be uploaded, each with the extension of its object key. */
export const videoExtensions = {
  "video/mp4": "mp4",
  "video/quicktime": "mov",
  "video/x-msvideo": "avi",
  "video/x-matroska": "mkv",
  "video/webm": "webm",
} as const;

/** A MIME type a video may have. */
export type VideoMimeType = keyof typeof videoExtensions;

/** The same types as a tuple, for schemas. */
export const videoMimeTypes = Object.keys(videoExtensions) as [VideoMimeType, ...VideoMimeType[]];

/** Photo types that may be uploaded for a person, each with the extension of its object key. */
export const photoExtensions = {
  "image/jpeg": "jpg",
  "image/png": "png",
} as const;

/** A MIME type a photo may have. */
export type PhotoMimeType = keyof typeof photoExtensions;

/** The same types as a tuple, for schemas. */
export const photoMimeTypes = Object.keys(photoExtensions) as [PhotoMimeType, ...PhotoMimeType[]];

/** Key of an uploaded video in bucket `uploads`: `videos/{user}/{video}.{ext}`. */
export function videoKey(userId: string, videoId: string, mimeType: VideoMimeType): string {
  return `videos/${userId}/${videoId}.${videoExtensions[mimeType]}`;
}

/**
 * Key of a person's photo in bucket `uploads`: `faces/{user}/{person}/photo_{time}.{ext}`.
 * `time` is yyyymmddhhmmssmmm in UTC, so that keys of one person sort by age, followed by `-` and
 * `random`, eight hexadecimal digits that keep two photos of one millisecond apart.
 */
export function photoKey(o: {
  userId: string;
  personId: string;
  time: Date;
  random: string;
  mimeType: PhotoMimeType;
}): string {
  const time = o.time.toISOString().replace(/[^0-9]/g, "");
  return `${photoPrefix(o.userId, o.personId)}photo_${time}-${o.random}.${
    photoExtensions[o.mimeType]
  }`;
}

/**
 * Type that a photo key of this user and person announces; undefined when the key is not theirs or
 * not one that `photoKey` makes, so that both get the same answer.
 */
export function readPhotoKey(
  key: string,
  owner: { userId: string; personId: string },
): PhotoMimeType | undefined {
  const prefix = photoPrefix(owner.userId, owner.personId);
  if (!key.startsWith(prefix)) return undefined;
  const extension = /^photo_[0-9]{17}-[0-9a-f]{8}\.([a-z]+)$/.exec(key.slice(prefix.length))?.[1];
  return photoMimeTypes.find((type) => photoExtensions[type] === extension);
}

/** Prefix, with its final slash, of all photos of one person in bucket `uploads`. */
export function photoPrefix(userId: string, personId: string): string {
  return `faces/${userId}/${personId}/`;
}

/** Key of a scene's picture in bucket `thumbnails`: `{user}/{video}/{scene}.jpg`. */
export function thumbnailKey(userId: string, videoId: string, sceneId: string): string {
  return `${userId}/${videoId}/${sceneId}.jpg`;
}

/** Key of a video's analysis document in bucket `sidecars`: `{user}/{video}.json`. */
export function sidecarKey(userId: string, videoId: string): string {
  return `${userId}/${videoId}.json`;
}

/** Every place in which objects of one user lie, as bucket and prefix with its final slash. */
export function userPrefixes(userId: string): { bucket: Bucket; prefix: string }[] {
  return [
    { bucket: buckets.uploads, prefix: `videos/${userId}/` },
    { bucket: buckets.uploads, prefix: `faces/${userId}/` },
    { bucket: buckets.thumbnails, prefix: `${userId}/` },
    { bucket: buckets.sidecars, prefix: `${userId}/` },
    { bucket: buckets.exports, prefix: `${userId}/` },
  ];
}

/** Prefix, with its final slash, of the zips of one export in bucket `exports`. */
export function exportPrefix(userId: string, exportId: string): string {
  return `${userId}/${exportId}/`;
}

/** Name of one zip of an export; parts count from 1. */
export function exportFileName(part: number): string {
  return part === 1 ? "heimdex-export.zip" : `heimdex-export-${part}.zip`;
}
