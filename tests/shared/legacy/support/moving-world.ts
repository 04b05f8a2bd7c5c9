import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { createLegacySchema, writeLegacyRows } from "../../../../cli/legacy/sample/write.ts";
import { pushMigrations } from "../../../../cli/push-migrations.ts";
import { type LegacyWorld, startLegacyWorld } from "../../../../local/legacy-world.ts";
import { readEnv } from "../../../../shared/env.ts";
import { cutOver, type CutoverContext } from "../../../../shared/legacy/cutover/cutover.ts";
import { openLegacySource } from "../../../../shared/legacy/source.ts";
import { createObjectStore, type ObjectStore } from "../../../../shared/storage/object-store.ts";
import { hashRows, type RowHashes } from "../../../legacy/support/rows.ts";

/** One legacy user and the account that is the same person. */
interface Person {
  legacyId: string;
  supabaseId: string;
  email: string;
}

const person = (name: string, legacyId: string, supabaseId: string): Person => ({
  legacyId,
  supabaseId,
  email: `${name}@example.test`,
});

/**
 * Ann was linked to an account of another id; Bob's account has his legacy id; Cid's legacy id is
 * the id of Dan's account, so that two ids change places.
 */
export const people = {
  ann: person(
    "ann",
    "aaaaaaaa-0000-4000-8000-000000000001",
    "aaaaaaaa-0000-4000-8000-00000000000a",
  ),
  bob: person(
    "bob",
    "bbbbbbbb-0000-4000-8000-000000000001",
    "bbbbbbbb-0000-4000-8000-000000000001",
  ),
  cid: person(
    "cid",
    "cccccccc-0000-4000-8000-000000000001",
    "cccccccc-0000-4000-8000-00000000000c",
  ),
  dan: person(
    "dan",
    "dddddddd-0000-4000-8000-000000000001",
    "cccccccc-0000-4000-8000-000000000001",
  ),
};

/** The legacy ids again, to have them at hand. */
export const everybody = Object.values(people);

/** A project with adopted legacy tables, its users exported and verified, and their objects. */
export interface MovingWorld {
  readonly world: LegacyWorld;
  /** As role postgres, which the command connects as. */
  readonly sql: postgres.Sql;
  readonly admin: SupabaseClient;
  readonly ctx: CutoverContext & { objects: ObjectStore };
  /** The legacy rows as they were before anything moved. */
  readonly before: RowHashes;
}

/** Milliseconds: a cutover with its push takes seconds, and many more on a busy machine. */
export const movingTimeout = 180_000;

/** Starts the world once for a file; before each test it is as new. */
export function useMovingWorld(): MovingWorld {
  const moving = {} as { -readonly [K in keyof MovingWorld]: MovingWorld[K] };
  let world: LegacyWorld | undefined;
  let close = () => Promise.resolve();
  beforeAll(async () => {
    world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
    await seedRows(world);
    moving.world = world;
    moving.before = await hashRows(world.sql());
    await exportEverybody(world, adminOf(world));
    await world.keep();
  }, movingTimeout);
  beforeEach(async () => {
    if (!world) return;
    await world.reset();
    const { databaseUrl, environment } = world.stack;
    moving.admin = adminOf(world);
    const sql = postgres(databaseUrl, { max: 4, onnotice: () => {} });
    const source = openLegacySource({ projectUrl: databaseUrl, projectSql: sql });
    moving.sql = sql;
    moving.ctx = {
      sql,
      source,
      objects: createObjectStore(readEnv(environment)),
      erasuresPerHour: 100,
      now: () => new Date(),
    };
    close = async () => {
      await source.close();
      await sql.end();
    };
  }, movingTimeout);
  afterEach(() => close());
  afterAll(() => world?.stop());
  return moving;
}

/** Cuts over with the real push and small batches. */
export function cutOverNow({ world, ctx }: MovingWorld) {
  return cutOver(ctx, { push: () => pushMigrations(world.stack.databaseUrl), batchRows: 2 });
}

/** The removal by `supabase db push`, without the command. */
export function pushAlone({ world }: MovingWorld): Promise<void> {
  return pushMigrations(world.stack.databaseUrl);
}

/** Keys of all objects of a bucket, sorted. */
export async function listKeys({ world }: MovingWorld, bucket: string): Promise<string[]> {
  const rows = await world.sql()<{ name: string }[]>`
    select name from storage.objects where bucket_id = ${bucket} order by name collate "C"`;
  return rows.map(({ name }) => name);
}

/** Expects every legacy row as it was before anything moved. */
export async function expectLegacyRows({ world, before }: MovingWorld): Promise<void> {
  expect(await hashRows(world.sql())).toEqual(before);
}

/** Notes a passed verification of what the tables hold now, as `heimdex legacy verify` does. */
export async function verifyNow(sql: postgres.Sql, passed = true): Promise<void> {
  await sql`
    insert into private.legacy_verifications (finished_at, passed, fingerprint, started_at)
    values (clock_timestamp(), ${passed}, private.legacy_fingerprint(), clock_timestamp())`;
  if (passed) await sql`update private.legacy_exports set verified_at = now()`;
}

/** Id of the video, scene, job and person that a legacy user owns. */
export function thingOf({ legacyId }: Pick<Person, "legacyId">): string {
  return legacyId.replace("0000-4000", "0001-4000");
}

/** A video's key as the legacy system made it. */
export function videoKeyOf(owner: Pick<Person, "legacyId">): string {
  return `videos/${owner.legacyId}/${thingOf(owner)}.mp4`;
}

/** The keys of a person's photos, as the legacy system made them. */
export function photoKeysOf(owner: Pick<Person, "legacyId">): [string, string] {
  const folder = `faces/${owner.legacyId}/${thingOf(owner)}`;
  return [`${folder}/1.jpg`, `${folder}/2.jpg`];
}

function adminOf({ stack }: LegacyWorld): SupabaseClient {
  return createClient(stack.url, stack.secretKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
}

const time = "2025-03-01T10:00:00.123456Z";
/** Owner of audit events whom the legacy system has forgotten. */
const stranger = "eeeeeeee-0000-4000-8000-000000000001";

/** Each owns a video, a scene, two people of one name and counters that repeat. */
async function seedRows(world: LegacyWorld): Promise<void> {
  const owners = everybody.map((owner) => ({ ...owner, thing: thingOf(owner) }));
  await writeLegacyRows(world.sql(), {
    users: everybody.map(({ legacyId, supabaseId, email }) => ({
      user_id: legacyId,
      supabase_user_id: legacyId === supabaseId ? null : supabaseId,
      email,
      tier: "pro",
      updated_at: time,
    })),
    videos: owners.map((owner) => ({
      video_id: owner.thing,
      user_id: owner.legacyId,
      storage_key: videoKeyOf(owner),
      mime_type: "video/mp4",
      size_bytes: 4,
      state: "indexed",
      created_at: time,
    })),
    video_metadata: owners.map(({ legacyId, thing }) => ({
      video_id: thing,
      title: "Clip",
      thumbnail_url: `${legacyId}/cover.jpg`,
      updated_at: time,
    })),
    scenes: owners.map(({ legacyId, thing }) => ({
      scene_id: thing,
      video_id: thing,
      start_s: 0,
      end_s: 1,
      transcript: "Running dogs",
      tsv: "'dog':2 'run':1",
      thumbnail_key: `${legacyId}/${thing}.jpg`,
      sidecar_key: `${legacyId}/${thing}.json`,
    })),
    jobs: owners.map(({ thing }) => ({
      job_id: thing,
      video_id: thing,
      stage: "commit",
      state: "completed",
    })),
    face_profiles: owners.flatMap((owner) => [
      {
        person_id: owner.thing,
        user_id: owner.legacyId,
        name: "Mia",
        photo_keys: photoKeysOf(owner),
      },
      { person_id: owner.thing.replace("0001", "0002"), user_id: owner.legacyId, name: "Mia" },
    ]),
    scene_people: owners.map(({ thing }) => ({
      scene_id: thing,
      person_id: thing,
      confidence: 0.5,
      frame_count: 3,
    })),
    audit_events: [...everybody.map(({ legacyId }) => legacyId), stranger, people.ann.supabaseId]
      .map((user_id) => ({ user_id, event_type: "login" })),
    rate_limits: everybody.flatMap(({ legacyId }) =>
      [1, 5].map((count) => ({
        user_id: legacyId,
        resource: "search",
        count,
        window_start: time,
        expires_at: time,
      }))
    ),
    refresh_tokens: everybody.map(({ legacyId }) => ({
      user_id: legacyId,
      token_hash: legacyId,
      expires_at: time,
    })),
  });
}

/** What export and verify leave behind. */
async function exportEverybody(world: LegacyWorld, admin: SupabaseClient): Promise<void> {
  const sql = world.sql();
  for (const { legacyId, supabaseId, email } of everybody) {
    const { error } = await admin.auth.admin.createUser({
      id: supabaseId,
      email,
      email_confirm: true,
    });
    if (error) throw error;
    await sql`
      insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin, verified_at)
      values (${legacyId}, ${supabaseId}, ${legacyId === supabaseId ? "created" : "kept"}, now())`;
  }
  await sql`
    insert into private.legacy_decisions (kind, subject, action)
    values ('person_names', '*', 'suffix')`;
  await verifyNow(sql);
}

/** Every object that a row names but the second photo, and one that no row names. */
export async function storeObjects({ admin }: MovingWorld): Promise<void> {
  for (const owner of everybody) {
    const [folder, thing] = [owner.legacyId, thingOf(owner)];
    await store(admin, "uploads", videoKeyOf(owner), "video/mp4");
    await store(admin, "uploads", photoKeysOf(owner)[0], "image/jpeg");
    await store(admin, "thumbnails", `${folder}/${thing}.jpg`, "image/jpeg");
    await store(admin, "thumbnails", `${folder}/cover.jpg`, "image/jpeg");
    await store(admin, "sidecars", `${folder}/${thing}.json`, "application/json");
  }
  await store(admin, "thumbnails", `${people.ann.legacyId}/left-behind.jpg`, "image/jpeg");
}

/** Stores four bytes. */
export async function store(
  admin: SupabaseClient,
  bucket: string,
  key: string,
  contentType: string,
): Promise<void> {
  const { error } = await admin.storage.from(bucket).upload(key, "four", { contentType });
  if (error) throw error;
}
