import { createHash } from "node:crypto";
import { unzipSync } from "fflate";
import { expect } from "vitest";
import type { ExportContext } from "../../../shared/export/context.ts";
import type { ExportPart } from "../../../shared/export/store.ts";
import { buckets } from "../../../shared/storage/keys.ts";
import { depsWith } from "../../support/app.ts";
import { adminSql } from "../../support/sql.ts";
import { adminClient } from "../../support/users.ts";

/** What `seedContent` wrote. */
export interface Content {
  videoId: string;
  personId: string;
  sceneIds: string[];
}

/** Gives a user a row in every table an export reads, and objects in three buckets. */
export async function seedContent(userId: string, scenes = 3): Promise<Content> {
  const videoId = crypto.randomUUID();
  const personId = crypto.randomUUID();
  const sceneIds = Array.from({ length: scenes }, () => crypto.randomUUID());
  const photo = `faces/${userId}/${personId}/photo_20260102030405678-0123abcd.png`;
  await adminSql().begin(async (sql) => {
    await sql`insert into public.videos
      (video_id, user_id, storage_key, mime_type, size_bytes, state, filename)
      values (${videoId}, ${userId}, ${`videos/${userId}/${videoId}.mp4`}, 'video/mp4', 3, 'indexed',
        ${`trip "one"\n${userId}.mp4`})`;
    await sql`insert into public.video_metadata (video_id, title, tags)
      values (${videoId}, '항구 🚢', '["sea"]') on conflict (video_id) do nothing`;
    await sql`insert into public.scenes (scene_id, video_id, start_s, end_s, transcript)
      select id, ${videoId}, n, n + 1, 'scene ' || n
      from unnest(${sceneIds}::uuid[]) with ordinality as s (id, n)`;
    await sql`insert into public.jobs (video_id, stage) values (${videoId}, 'upload_validate')`;
    await sql`insert into public.face_profiles (person_id, user_id, name, photo_keys)
      values (${personId}, ${userId}, 'Ada', array[${photo}])`;
    await sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      select id, ${personId}, 0.9, 3 from unnest(${sceneIds}::uuid[]) as id`;
    await sql`insert into public.audit_events (user_id, event_type, ip_address, user_agent)
      values (${userId}, 'login', '203.0.113.7', 'test')`;
    await sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
      values (${userId}, 'search', now(), now() + interval '1 minute')`;
    await sql`insert into public.user_analytics (user_id, event_type) values (${userId}, 'onboarded')`;
    await sql`insert into public.consents (user_id, kind, text_version, granted_at)
      values (${userId}, 'email', '2026-01', now())`;
  });
  await put(buckets.uploads, `videos/${userId}/${videoId}.mp4`, "video/mp4");
  await put(buckets.uploads, photo, "image/png");
  await put(buckets.sidecars, `${userId}/${videoId}.json`, "application/json");
  return { videoId, personId, sceneIds };
}

async function put(bucket: string, key: string, contentType: string): Promise<void> {
  const { error } = await adminClient().storage.from(bucket)
    .upload(key, new TextEncoder().encode(key), { contentType });
  expect(error, key).toBeNull();
}

/** Adds scenes to a video by one statement. */
export async function addScenes(videoId: string, count: number, textBytes = 300): Promise<void> {
  // The owner columns come from the video; a trigger a row would take most of the time.
  await adminSql().begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`insert into public.scenes
      (video_id, user_id, start_s, end_s, transcript, vision_tags)
      select v.video_id, v.user_id, n, n + 1,
        left(repeat(md5(n::text), ${Math.ceil(textBytes / 32)}), ${textBytes}), '{"sea": 0.5}'
      from generate_series(1, ${count}) as n, public.videos as v where v.video_id = ${videoId}`;
  });
}

/** An export that no drain takes: only a run by its id. */
export async function openExport(userId: string): Promise<string> {
  const [row] = await adminSql()<[{ export_id: string }]>`
    insert into private.exports (user_id, next_attempt_at) values (${userId}, 'infinity')
    returning export_id`;
  return row.export_id;
}

/** A row of private.exports as tests look at it. */
export interface ExportState {
  state: string;
  attempts: number;
  parts: ExportPart[];
  last_error: string | null;
  waits: boolean;
  leased: boolean;
  removed: boolean;
}

export async function readState(exportId: string): Promise<ExportState | undefined> {
  const [row] = await adminSql()<ExportState[]>`
    select state, attempts, parts, last_error, next_attempt_at > now() as waits,
      leased_until > now() is true as leased, removed_at is not null as removed
    from private.exports where export_id = ${exportId}`;
  return row;
}

/** Keys below a user's folder in bucket exports. */
export async function listZips(userId: string): Promise<string[]> {
  const rows = await adminSql()<{ name: string }[]>`
    select name from storage.objects where bucket_id = 'exports' and name like ${`${userId}/%`}
    order by length(name), name`;
  return rows.map((row) => row.name);
}

/** What exports run with on this stack, parts replaced; its pool ends with `close`. */
export function createContext(
  overrides: Partial<ExportContext> = {},
): ExportContext & { close(): Promise<void> } {
  const { database, objects, auth, now, log } = depsWith();
  return { database, objects, auth, now, log, ...overrides, close: () => database.close() };
}

/** A minute from now: enough for any export of these tests. */
export const soon = () => new Date(Date.now() + 60_000);

/** The files of an export by name, once every hash and count of its manifest has been checked. */
export interface Unzipped {
  files: Map<string, string>;
  manifest: {
    export_id: string;
    user_id: string;
    files: { name: string; zip: string; rows: number; size_bytes: number; sha256: string }[];
  };
  /** Rows of a table from all its files, in order. */
  rows(name: string): Record<string, unknown>[];
}

/** Opens zips and checks them against their manifest: hashes, sizes, counts and nothing besides. */
export function openZips(zips: { name: string; bytes: Uint8Array }[]): Unzipped {
  const found = zips.flatMap(({ name, bytes }) =>
    Object.entries(unzipSync(bytes)).map(([file, content]) => ({ zip: name, file, content }))
  );
  const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const files = new Map(found.map(({ file, content }) => [file, text(content)]));
  expect(files.size, "every file once").toBe(found.length);
  const manifest: Unzipped["manifest"] = JSON.parse(files.get("manifest.json") ?? "null");
  const described = found.filter(({ file }) => file !== "manifest.json");
  expect(described.map(({ zip, file, content }) => ({
    name: file,
    zip,
    rows: file.endsWith(".ndjson") ? lines(text(content)).length : 0,
    size_bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
  }))).toEqual(manifest.files);
  return {
    files,
    manifest,
    rows: (name) => {
      const own = manifest.files.filter((file) =>
        file.name === `${name}.ndjson` || new RegExp(`^${name}-[0-9]+\\.ndjson$`).test(file.name)
      );
      return own.flatMap((file) =>
        lines(files.get(file.name) ?? "").map((line) => JSON.parse(line) as Record<string, unknown>)
      );
    },
  };
}

function lines(text: string): string[] {
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text.split("\n").slice(0, -1);
}

/** Downloads the recorded zips of an export, compares their hashes and opens them. */
export async function downloadExport(exportId: string): Promise<Unzipped> {
  const state = await readState(exportId);
  const zips = [];
  for (const part of state?.parts ?? []) {
    const { data, error } = await adminClient().storage.from(buckets.exports).download(part.key);
    if (error) throw error;
    const bytes = new Uint8Array(await data.arrayBuffer());
    expect({
      size_bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    }).toEqual({ size_bytes: part.size_bytes, sha256: part.sha256 });
    zips.push({ name: part.name, bytes });
  }
  return openZips(zips);
}
