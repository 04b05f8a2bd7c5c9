import { expect } from "vitest";
import { createErasureContext, type ErasureContext } from "../../../shared/erasure/context.ts";
import { readEnv } from "../../../shared/env.ts";
import { buckets, userPrefixes } from "../../../shared/storage/keys.ts";
import { createObjectStore } from "../../../shared/storage/object-store.ts";
import { deadPort, depsWith } from "../../support/app.ts";
import { adminSql } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { adminClient } from "../../support/users.ts";

async function put(bucket: string, key: string, contentType: string): Promise<void> {
  const { error } = await adminClient().storage.from(bucket)
    .upload(key, new TextEncoder().encode(key), { contentType });
  expect(error, key).toBeNull();
}

/** What `seedUser` wrote, for tests that look at one part. */
export interface Seed {
  userId: string;
  videoId: string;
  personId: string;
}

/** Gives a user a row in every table that can name one, and objects in every bucket. */
export async function seedUser(userId: string): Promise<Seed> {
  const seed = {
    userId,
    videoId: crypto.randomUUID(),
    personId: crypto.randomUUID(),
    sceneId: crypto.randomUUID(),
  };
  const { videoId, personId, sceneId } = seed;
  const photo = `faces/${userId}/${personId}/photo_20260102030405678-0123abcd.png`;
  await adminSql().begin(async (sql) => {
    await sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
      values (${videoId}, ${userId}, ${`videos/${userId}/${videoId}.mp4`}, 'video/mp4', 3, 'indexed')`;
    await sql`insert into public.video_metadata (video_id, title) values (${videoId}, 'Trip')
      on conflict (video_id) do nothing`;
    await sql`insert into public.scenes
      (scene_id, video_id, start_s, end_s, transcript, thumbnail_key, sidecar_key)
      values (${sceneId}, ${videoId}, 0, 2, 'hello', ${`${userId}/${videoId}/${sceneId}.jpg`},
        ${`${userId}/${videoId}.json`})`;
    await sql`insert into public.jobs (video_id, stage) values (${videoId}, 'upload_validate')`;
    await sql`insert into public.face_profiles (person_id, user_id, name, photo_keys)
      values (${personId}, ${userId}, 'Ada', array[${photo}])`;
    await sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      values (${sceneId}, ${personId}, 0.9, 3)`;
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
  await put(buckets.thumbnails, `${userId}/${videoId}/${sceneId}.jpg`, "image/jpeg");
  await put(buckets.sidecars, `${userId}/${videoId}.json`, "application/json");
  await put(buckets.exports, `${userId}/export.zip`, "application/zip");
  // Uploads that no row names: one whose row was never completed, one from before a rename.
  await put(buckets.uploads, `videos/${userId}/${crypto.randomUUID()}.mp4`, "video/mp4");
  return seed;
}

/** Objects that `seedUser` writes. */
export const seededObjects = 6;

/** Rows that name the user, zeros left out, by a query of its own over the catalogue. */
export async function countRowsLeft(userId: string): Promise<Record<string, number>> {
  const tables = await adminSql()<{ name: string }[]>`
    select c.table_name as name from information_schema.columns as c
    join information_schema.tables as t using (table_schema, table_name)
    where c.table_schema = 'public' and c.column_name = 'user_id' and t.table_type = 'BASE TABLE'
  `;
  const left: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await adminSql()<{ count: number }[]>`
      select count(*)::int as count from public.${adminSql()(name)} where user_id = ${userId}
    `;
    if (row && row.count > 0) left[name] = row.count;
  }
  return left;
}

/** Keys of stored objects that carry the user's id or are owned by the user. */
export async function listObjectsLeft(userId: string): Promise<string[]> {
  const rows = await adminSql()<{ name: string }[]>`
    select bucket_id || '/' || name as name from storage.objects
    where name like ${`%${userId}%`} or owner_id = ${userId} order by 1
  `;
  return rows.map((row) => row.name);
}

/** Expects no row and no object of the user, asked of the database and of the Storage API. */
export async function expectNothingLeft(userId: string): Promise<void> {
  expect(await countRowsLeft(userId)).toEqual({});
  expect(await listObjectsLeft(userId)).toEqual([]);
  for (const { bucket, prefix } of userPrefixes(userId)) {
    const { data, error } = await adminClient().storage.from(bucket).list(prefix.slice(0, -1));
    expect(error).toBeNull();
    expect(data).toEqual([]);
  }
}

/** Expects everything that `seedUser` wrote to be there still. */
export async function expectUntouched(userId: string): Promise<void> {
  expect(Object.keys(await countRowsLeft(userId)).sort()).toEqual([
    "audit_events",
    "consents",
    "face_profiles",
    "jobs",
    "rate_limits",
    "scene_people",
    "scenes",
    "user_analytics",
    "video_metadata",
    "videos",
  ]);
  expect(await listObjectsLeft(userId)).toHaveLength(seededObjects);
}

/**
 * Deletes the account by SQL and holds its outbox row back for a day, so that only the test erases
 * and not the stack's own drain.
 */
export async function deleteUserSilently(userId: string): Promise<void> {
  await adminSql().begin(async (sql) => {
    await sql`delete from auth.users where id = ${userId}`;
    await sql`update private.auth_events set next_attempt_at = now() + interval '1 day'
      where user_id = ${userId}`;
  });
}

/** How far the clock of these tests is ahead: the stack's own drain finds none of their jobs due. */
const aheadMs = 86_400_000;

/** What an erasure runs with on this stack; `close` ends its pool. `moveClock` takes seconds. */
export interface TestErasures extends ErasureContext {
  moveClock(seconds: number): void;
  close(): Promise<void>;
}

export function openErasures(overrides: Partial<ErasureContext> = {}): TestErasures {
  const deps = depsWith();
  let moved = aheadMs;
  return {
    ...createErasureContext(deps),
    now: () => new Date(Date.now() + moved),
    ...overrides,
    moveClock: (seconds) => moved += seconds * 1000,
    close: () => deps.database.close(),
  };
}

/** A deadline no test reaches. */
export function later(context: Pick<ErasureContext, "now">): Date {
  return new Date(context.now().getTime() + 3_600_000);
}

/** An object store whose Storage does not answer. */
export function createDeadObjects() {
  const env = readEnv(useStack().environment);
  return createObjectStore({ ...env, supabaseUrl: `http://127.0.0.1:${deadPort}` });
}
