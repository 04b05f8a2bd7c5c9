import type { LegacyTableName } from "../../../shared/legacy/schema.ts";
import { buckets } from "../../../shared/storage/keys.ts";
import type { Random } from "./random.ts";
import type { LegacyRow } from "./write.ts";

/** An object of the legacy store. */
export interface SampleObject {
  bucket: string;
  key: string;
  contentType: string;
  body: string;
}

/** What is odd about what a user has, with how many of a thousand users are so. */
export const rowOddities = {
  same_names: 10,
  repeated_limits: 20,
  missing_objects: 5,
  keys_without_id: 5,
  stray_objects: 5,
} as const;

/** A key of {@link rowOddities}. */
export type RowOddity = keyof typeof rowOddities | "none";

/** Rows and objects, added to as they are made. */
export interface Belongings {
  add(table: LegacyTableName, row: LegacyRow): void;
  addObject(object: SampleObject): void;
}

interface Owner {
  userId: string;
  oddity: RowOddity;
  createdAt: string;
}

/** Gives a user videos with scenes, people, events and counters, and the objects of all these. */
export function makeBelongings(random: Random, to: Belongings, owner: Owner): void {
  const people = makePeopleOf(random, to, owner);
  const needed = owner.oddity === "none" || owner.oddity === "repeated_limits" ? 0 : 1;
  const videos = Math.max(needed, random.pick([0, 0, 1, 1, 2, 3]));
  for (let n = 0; n < videos; n++) makeVideo(random, to, { owner, people });
  if (owner.oddity === "stray_objects") {
    to.addObject(videoObject(`videos/${owner.userId}/${random.uuid()}.mp4`));
  }
  makeEvents(random, to, owner);
}

const personNames = ["Mia", "Noah", "Łukasz", "さくら", "O'Neil"] as const;

function makePeopleOf(random: Random, to: Belongings, { userId, oddity }: Owner): string[] {
  const sameName = random.chance(0.3) ? "M".repeat(255) : "Mia";
  const names = oddity === "same_names"
    ? [sameName, sameName, sameName, "Mia (2)"]
    : personNames.slice(0, random.pick([0, 0, 0, 1, 2]));
  return names.map((name) => {
    const personId = random.uuid();
    const photos = Array.from(
      { length: random.between(0, 2) },
      (_, n) => `faces/${userId}/${personId}/photo_${n + 1}.jpg`,
    );
    to.add("face_profiles", {
      person_id: personId,
      user_id: userId,
      name,
      photo_keys: random.chance(0.1) && photos.length === 0 ? null : photos,
    });
    for (const key of photos) {
      to.addObject({ bucket: buckets.uploads, key, contentType: "image/jpeg", body: key });
    }
    return personId;
  });
}

const titles = ["Holiday", "인터뷰 1차", "Goal! ⚽", "Untitled", "Kamera 2 – Äußeres"] as const;
const sentences = [
  "the dog runs across the beach",
  "안녕하세요 오늘 회의를 시작합니다",
  "one more take please",
  "nobody says anything here",
] as const;

interface Filming {
  owner: Owner;
  people: string[];
}

function makeVideo(random: Random, to: Belongings, { owner, people }: Filming): void {
  const { userId, oddity } = owner;
  const videoId = random.uuid();
  const state = random.chance(0.7)
    ? "indexed"
    : random.pick(["deleted", "failed", "processing", "uploading"] as const);
  const folder = oddity === "keys_without_id" ? "archive" : `videos/${userId}`;
  const storageKey = `${folder}/${videoId}.mp4`;
  to.add("videos", {
    video_id: videoId,
    user_id: userId,
    storage_key: storageKey,
    mime_type: "video/mp4",
    size_bytes: storageKey.length,
    duration_s: random.chance(0.9) ? random.between(1000, 90_000) / 1000 : null,
    state,
    error_text: state === "failed" ? "The file has no picture" : null,
    created_at: owner.createdAt,
    indexed_at: state === "indexed" ? owner.createdAt : null,
  });
  if (state !== "uploading" && oddity !== "missing_objects") to.addObject(videoObject(storageKey));
  const thumbnail = `${userId}/${videoId}/thumbnail.jpg`;
  if (random.chance(0.8)) {
    const shown = random.pick([null, "https://images.example.test/1.jpg", thumbnail] as const);
    to.add("video_metadata", {
      video_id: videoId,
      title: random.pick(titles),
      description: random.chance(0.5) ? "Filmed by hand,\nin two parts" : null,
      tags: random.chance(0.5) ? ["sample", random.pick(titles)] : null,
      thumbnail_url: shown,
      created_at: owner.createdAt,
      updated_at: owner.createdAt,
    });
    if (shown === thumbnail) to.addObject(pictureObject(thumbnail));
  }
  to.add("jobs", {
    job_id: random.uuid(),
    video_id: videoId,
    stage: random.pick(["upload_validate", "asr_fast", "commit"] as const),
    state: state === "failed" ? "failed" : "completed",
    progress: state === "failed" ? 0.4 : 1,
    started_at: owner.createdAt,
    metadata: random.chance(0.3) ? { attempt: 1 } : null,
  });
  if (state === "indexed") makeScenes(random, to, { owner, people, videoId });
}

function makeScenes(
  random: Random,
  to: Belongings,
  { owner, people, videoId }: Filming & { videoId: string },
): void {
  const sidecar = random.chance(0.5) ? `${owner.userId}/${videoId}.json` : null;
  if (sidecar !== null) {
    to.addObject({
      bucket: buckets.sidecars,
      key: sidecar,
      contentType: "application/json",
      body: JSON.stringify({ video_id: videoId }),
    });
  }
  const count = random.between(1, 3);
  for (let n = 0; n < count; n++) {
    const sceneId = random.uuid();
    const transcript = random.pick(sentences);
    const thumbnail = n === 0 ? `${owner.userId}/${videoId}/${sceneId}.jpg` : null;
    to.add("scenes", {
      scene_id: sceneId,
      video_id: videoId,
      start_s: n * 4,
      end_s: n * 4 + 3.5,
      transcript: random.chance(0.9) ? transcript : null,
      tsv: random.chance(0.9) ? toWords(transcript) : null,
      vision_tags: random.chance(0.5) ? { objects: ["dog"] } : null,
      sidecar_key: sidecar,
      thumbnail_key: thumbnail,
      created_at: owner.createdAt,
    });
    if (thumbnail !== null) to.addObject(pictureObject(thumbnail));
    const [person] = people;
    if (person !== undefined) {
      to.add("scene_people", {
        scene_id: sceneId,
        person_id: person,
        confidence: random.between(50, 99) / 100,
        frame_count: random.between(1, 40),
      });
    }
  }
}

/** A tsvector in a configuration that is not ours, as the legacy system wrote them. */
function toWords(text: string): string {
  return [...new Set(text.split(" "))].map((word, at) => `'${word}':${at + 1}B`).join(" ");
}

function makeEvents(random: Random, to: Belongings, { userId, oddity, createdAt }: Owner): void {
  for (let n = random.between(0, 3); n > 0; n--) {
    to.add("audit_events", {
      event_id: random.uuid(),
      user_id: userId,
      event_type: random.pick(["login", "video.upload", "profile.update"] as const),
      ip_address: `203.0.113.${random.between(1, 254)}`,
      user_agent: random.chance(0.5) ? "Mozilla/5.0 (sample)" : null,
      metadata: random.chance(0.3) ? { method: "password" } : null,
      created_at: createdAt,
    });
  }
  const limits = oddity === "repeated_limits" ? 3 : random.chance(0.2) ? 1 : 0;
  for (let n = 1; n <= limits; n++) {
    to.add("rate_limits", {
      limit_id: random.uuid(),
      user_id: userId,
      resource: "search",
      count: n,
      window_start: createdAt,
      expires_at: createdAt,
    });
  }
  if (random.chance(0.3)) {
    const revoked = random.chance(0.5);
    to.add("refresh_tokens", tokenRow(random, userId, { revoked, created_at: createdAt }));
  }
  if (random.chance(0.1)) {
    const used = random.chance(0.7);
    to.add("email_verification_tokens", tokenRow(random, userId, { used, created_at: createdAt }));
  }
}

function tokenRow(random: Random, userId: string, others: LegacyRow): LegacyRow {
  return {
    token_id: random.uuid(),
    user_id: userId,
    token_hash: random.bytes(32).toHex(),
    expires_at: "2030-01-01T00:00:00Z",
    ...others,
  };
}

/** Rows that outlived their user: the legacy system kept both without a foreign key. */
export function makeOrphans(random: Random, to: Belongings, count: number): void {
  for (let n = 0; n < count; n++) {
    const userId = random.uuid();
    const time = "2024-03-01T12:00:00Z";
    to.add("audit_events", {
      event_id: random.uuid(),
      user_id: n % 5 === 0 ? null : userId,
      event_type: "account.deleted",
      created_at: time,
    });
    to.add("rate_limits", {
      limit_id: random.uuid(),
      user_id: n % 5 === 0 ? null : userId,
      ip_address: "203.0.113.9",
      resource: "login",
      window_start: time,
      expires_at: time,
    });
  }
}

function videoObject(key: string): SampleObject {
  return { bucket: buckets.uploads, key, contentType: "video/mp4", body: key };
}

function pictureObject(key: string): SampleObject {
  return { bucket: buckets.thumbnails, key, contentType: "image/jpeg", body: key };
}
