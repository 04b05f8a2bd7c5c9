import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type Database } from "../../../shared/database/doors.ts";
import { readEnv } from "../../../shared/env.ts";
import { requestErasure } from "../../../shared/erasure/engine.ts";
import { releaseErasure } from "../../../shared/erasure/operate.ts";
import { countUser, readScope, readTables, takePage } from "../../../shared/erasure/rows.ts";
import {
  applyMigration,
  readMigrations,
  startServer,
  type TestDatabase,
  type TestServer,
} from "../../migrations/support/database.ts";
import { addPerson } from "../../migrations/support/people.ts";
import { useStack } from "../../support/stack.ts";
import { openErasures, type TestErasures } from "./support.ts";

const ann = { legacy: "aaaaaaaa-0000-4000-8000-000000000001", id: crypto.randomUUID() };
const bob = { legacy: "bbbbbbbb-0000-4000-8000-000000000002", id: crypto.randomUUID() };
const migrations = await readMigrations();
const removal = migrations.at(-1);

async function seed(db: TestDatabase): Promise<void> {
  for (const { legacy, id } of [ann, bob]) {
    await addPerson(db, { id });
    await db.sql`insert into public.users (user_id, supabase_user_id, email)
      values (${legacy}, ${id}, ${`${legacy}@example.test`})`;
    await db.sql`insert into public.refresh_tokens (user_id, token_hash, expires_at)
      values (${legacy}, ${legacy}, now())`;
    await db.sql`insert into public.email_verification_tokens (user_id, token_hash, expires_at)
      values (${legacy}, ${legacy}, now())`;
    await db
      .sql`insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin, verified_at)
      values (${legacy}, ${id}, 'kept', now())`;
    await db.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
      values (${legacy}, ${legacy}, ${`archive/${legacy}.mp4`}, 'video/mp4', 1)`;
    await db.sql`insert into public.scenes (scene_id, video_id, start_s, end_s, tsv)
      values (${legacy}, ${legacy}, 0, 1, 'spoken')`;
    await db.sql`insert into public.face_profiles (person_id, user_id, name, created_at) values
      (${legacy}, ${legacy}, 'Mia', '2020-01-01Z'), (gen_random_uuid(), ${legacy}, 'Mia', now())`;
    await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
      select ${legacy}, 'search', '2026-01-01Z', '2026-01-02Z' from generate_series(1, 2)`;
    await db.sql`insert into private.legacy_objects (bucket, key, size, source_etag, md5) values
      ('uploads', ${`archive/${legacy}.mp4`}, 1, 'e', 'm'), ('uploads', ${`videos/${id}/a.mp4`}, 1, 'e', 'm'),
      ('thumbnails', ${`${legacy}/1.jpg`}, 1, 'e', 'm'), ('sidecars', ${`old/${legacy}.json`}, 1, 'e', 'm')`;
    await db.sql`insert into private.legacy_object_moves (bucket, old_key, new_key, user_id) values
      ('sidecars', ${`old/${legacy}.json`}, ${`${id}/1.json`}, ${id})`;
    await db.sql`insert into private.legacy_failures (legacy_user_id, cause, detail)
      values (${legacy}, 'outage', 'Try again')`;
    await db.sql`insert into private.legacy_decisions (kind, subject, action, value)
      values ('email_case', ${legacy}, 'use_email', ${`${legacy}@example.test`})`;
    await db.admin`insert into storage.objects (bucket_id, name)
      values ('uploads', ${`videos/${legacy}/stray.mp4`}), ('thumbnails', ${`${legacy}/stray.jpg`})`;
  }
  await db.sql`
    insert into private.legacy_verifications (finished_at, passed, mismatches)
    values (now() - interval '1 minute', false, ${
    JSON.stringify([{ user: ann.legacy, field: "tier" }, { user: bob.id, field: "tier" }])
  }::text::jsonb)`;
  await db.sql`insert into private.legacy_decisions (kind, subject, action)
    values ('person_names', '*', 'suffix')`;
  await db
    .sql`insert into private.legacy_verifications (started_at, finished_at, passed, fingerprint)
    values (now() + interval '1 minute', now(), true, private.legacy_fingerprint())`;
}

describe("users of the former system", () => {
  let server: TestServer;
  let db: TestDatabase;
  let database: Database;
  let context: TestErasures;

  beforeAll(async () => {
    server = await startServer();
    db = await server.createDatabase({ migrated: false });
    for (const migration of migrations.slice(0, -1)) await applyMigration(db.sql, migration);
    await seed(db);
    database = createDatabase(readEnv({ ...useStack().environment, DATABASE_URL: db.url }));
    context = openErasures({ database });
  });
  afterAll(async () => {
    await Promise.all([database.close(), context.close()]);
    await db.stop();
    await server.stop();
  });

  it("hold every erasure until they are moved over, and cannot be passed over", async () => {
    await db.admin`delete from auth.users where id = ${ann.id}`;
    const held = await requestErasure(context, { kind: "user", userId: ann.id, origin: "event" });
    expect(held.state).toBe("held");
    await expect(releaseErasure(context, held.erasureId)).rejects.toMatchObject({
      code: "erasure_state_conflict",
    });
    await db.admin`insert into auth.users (id, email) values (${ann.id}, 'ann@example.test')`;
  });

  it("are erased from the archive, with the map that leads to them and what a comparison said", async () => {
    if (!removal) throw new Error("There are no migrations");
    await applyMigration(db.sql, removal);
    const counts = await database.asService((sql) => countUser(sql, ann.id));
    expect(counts.tables).toMatchObject({
      "legacy_archive.users": 1,
      "legacy_archive.refresh_tokens": 1,
      "legacy_archive.email_verification_tokens": 1,
      "private.legacy_exports": 1,
      "private.legacy_verifications": 1,
      "private.legacy_objects": 4,
      "private.legacy_object_moves": 1,
      "private.legacy_renames": 1,
      "private.legacy_failures": 1,
      "private.legacy_decisions": 1,
      "legacy_archive.scene_words": 1,
      "legacy_archive.rate_limits": 1,
    });
    expect(counts.buckets).toMatchObject({
      uploads: { objects: 1 },
      thumbnails: { objects: 1 },
      sidecars: { objects: 0 },
    });
    const before = await database.asService((sql) => countUser(sql, bob.id));
    await database.asService(async (sql) => {
      const scope = await readScope(sql, { userId: ann.id, subject: "0".repeat(64) });
      for (const rule of await readTables(sql, scope)) {
        for (let count = 1; count > 0;) count = await takePage(sql, rule, scope);
      }
    });
    const after = await database.asService((sql) => countUser(sql, ann.id));
    expect(Object.entries(after.tables).filter(([, rows]) => rows > 0)).toEqual([]);
    expect(await database.asService((sql) => countUser(sql, bob.id))).toEqual(before);
    const left = await db.sql<{ found: string }[]>`
      select t::text as found from legacy_archive.users as t
      union all select t::text from legacy_archive.refresh_tokens as t
      union all select t::text from private.legacy_exports as t
      union all select t::text from private.legacy_verifications as t
      union all select t::text from private.legacy_objects as t
      union all select t::text from private.legacy_object_moves as t
      union all select t::text from private.legacy_decisions as t
      union all select t::text from private.legacy_failures as t
      union all select t::text from legacy_archive.rate_limits as t
      union all select t::text from legacy_archive.scene_words as t`;
    const text = left.map(({ found }) => found).join("\n");
    expect(text).not.toContain(ann.legacy);
    expect(text).not.toContain(ann.id);
    expect(text).toContain(bob.legacy);
  });

  it("leaves a folder of the former id alone when it names another account", async () => {
    await db.admin`insert into auth.users (id, email) values (${bob.legacy}, 'eve@example.test')`;
    const scope = await database.asService((sql) => readScope(sql, { userId: bob.id }));
    expect(scope.former).toEqual([]);
    await db.admin`delete from auth.users where id = ${bob.legacy}`;
    const again = await database.asService((sql) => readScope(sql, { userId: bob.id }));
    expect(again.former).toEqual([bob.legacy]);
  });
});
