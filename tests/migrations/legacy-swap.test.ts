import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dumpCatalogue } from "./support/catalogue.ts";
import {
  applyMigration,
  startServer,
  type TestDatabase,
  type TestServer,
} from "./support/database.ts";
import {
  addLegacyUser,
  adoptLegacy,
  ann,
  bob,
  buildOwnerIndexes,
  dumpLegacyRows,
  exportUser,
  fillOwners,
  migrations,
  removal,
  verifyUsers,
} from "./support/legacy.ts";
import { asPerson, refusalOf } from "./support/people.ts";

/** What is the same on every database that is through, whichever way it came. */
async function dumpFinalShape({ sql }: TestDatabase): Promise<string[]> {
  const lines = await dumpCatalogue(sql);
  return lines.filter((line) =>
    !line.includes("legacy_archive.") && !/"(schema|name)":"(legacy_archive|user_tier)"/.test(line)
  );
}

describe.each([17, 15] as const)("the swap of owners on PostgreSQL %i", (version) => {
  let server: TestServer;
  let db: TestDatabase;
  let fresh: string[];
  let adopt: () => Promise<TestDatabase>;

  beforeAll(async () => {
    server = await startServer(version);
    const other = await server.createDatabase();
    fresh = await dumpFinalShape(other);
    await other.stop();
    adopt = await server.createTemplate(adoptLegacy);
  });
  beforeEach(async () => {
    db = await adopt();
  });
  afterEach(() => db.stop());
  afterAll(() => server.stop());

  test("ends in the shape of a fresh database", async () => {
    await exportUser(db, ann);
    await exportUser(db, bob);
    await verifyUsers(db);
    await db.sql`select private.prepare_legacy_owners()`;
    await fillOwners(db.sql, 1);
    expect(await buildOwnerIndexes(db.sql)).toContain("idx_videos_user_created_at_next");
    await applyMigration(db.sql, removal);
    expect(await dumpFinalShape(db)).toEqual(fresh);
  });

  test("ends there too when the push has to fill, and says that this locks", async () => {
    await exportUser(db, ann);
    await exportUser(db, bob);
    await verifyUsers(db);
    await applyMigration(db.sql, removal);
    expect(await dumpFinalShape(db)).toEqual(fresh);
  });

  test("is prepared and discarded without a trace, twice", async () => {
    await exportUser(db, ann);
    const [shape, rows] = [await dumpCatalogue(db.sql), await dumpLegacyRows(db.sql)];
    for (let round = 0; round < 2; round++) {
      await db.sql`select private.prepare_legacy_owners()`;
      await db.sql`select private.prepare_legacy_owners()`;
      await fillOwners(db.sql);
      await buildOwnerIndexes(db.sql);
      expect(await dumpLegacyRows(db.sql)).toEqual(rows);
      await db.sql`select private.discard_legacy_owners()`;
      await db.sql`select private.discard_legacy_owners()`;
      expect(await dumpCatalogue(db.sql)).toEqual(shape);
    }
  });

  test("fingerprints are the same before and after the fill, and in every session", async () => {
    await exportUser(db, ann);
    const read = async () =>
      (await db.sql`select private.legacy_fingerprint() as value`)[0]?.value as string;
    const before = await read();
    expect(before).toMatch(/^2:[0-9a-f]{32}:[0-9a-f]{32}$/);
    await db.sql`select private.prepare_legacy_owners()`;
    await fillOwners(db.sql);
    expect(await read()).toBe(before);
    const away = await db.sql.begin(async (sql) => {
      await sql`set local timezone = 'Asia/Seoul'`;
      await sql`set local datestyle = 'German'`;
      return await sql`select private.legacy_fingerprint() as value`;
    });
    expect(away[0]?.value).toBe(before);
  });
});

describe("filling owners", () => {
  let server: TestServer;
  let db: TestDatabase;
  let adopt: () => Promise<TestDatabase>;
  let annsNewId: string;
  let bobsNewId: string;

  beforeAll(async () => {
    server = await startServer();
    adopt = await server.createTemplate(adoptLegacy);
  });
  beforeEach(async () => {
    db = await adopt();
    annsNewId = await exportUser(db, ann);
    bobsNewId = await exportUser(db, bob);
    await verifyUsers(db);
    await db.sql`select private.prepare_legacy_owners()`;
  });
  afterEach(() => db.stop());
  afterAll(() => server.stop());

  test("changes each row once, whatever the size of a batch", async () => {
    expect(await fillOwners(db.sql, 1)).toEqual({
      videos: 2,
      face_profiles: 2,
      audit_events: 3,
      rate_limits: 2,
      video_metadata: 2,
      scenes: 2,
      jobs: 2,
      scene_people: 2,
      "scenes.tsv": 2,
      "scenes.vectors": 0,
      "face_profiles.vectors": 0,
    });
    const again = await fillOwners(db.sql, 1000);
    expect(Object.values(again).every((rows) => rows === 0)).toBe(true);
    const gaps = await db.sql`
      select sum(private.count_legacy_gaps(relation)) as gaps from private.list_legacy_fills() as relation`;
    expect(gaps).toEqual([{ gaps: "0" }]);
  });

  test("changes neither updated_at nor words that are there", async () => {
    await db.sql`update public.video_metadata set updated_at = '2020-01-01Z'`;
    await db.sql`update public.videos set updated_at = '2020-01-01Z'`;
    const before = await db.sql`select video_id, words::text from public.scenes order by 1`;
    await fillOwners(db.sql);
    const [times] = await db.sql`
      select bool_and(v.updated_at = '2020-01-01Z') and bool_and(m.updated_at = '2020-01-01Z') as kept
      from public.videos v join public.video_metadata m using (video_id)`;
    expect(times?.kept).toBe(true);
    const after = await db.sql`select video_id, words::text from public.scenes order by 1`;
    expect(after).toHaveLength(2);
    for (const row of before) if (row.words !== null) expect(after).toContainEqual(row);
  });

  test("goes on with a scene whose transcript is too long for its words", async () => {
    await db.sql`update public.scenes set transcript =
      (select string_agg('word' || n, ' ') from generate_series(1, 200000) as n)`;
    await fillOwners(db.sql);
    const [row] = await db.sql`
      select bool_and(words @@ to_tsquery('simple', 'word77')) as found from public.scenes`;
    expect(row?.found).toBe(true);
  });

  test("is kept by triggers for what the legacy application writes meanwhile", async () => {
    await fillOwners(db.sql);
    const carol = crypto.randomUUID();
    await addLegacyUser(db.sql, carol);
    const [early] = await db.sql`
      select v.supabase_user_id, s.user_id as scene from public.videos v join public.scenes s using (video_id)
      where video_id = ${carol}`;
    expect(early).toEqual({ supabase_user_id: null, scene: null });
    const carolsNewId = await exportUser(db, carol);
    const changed = await fillOwners(db.sql);
    expect(changed).toMatchObject({ videos: 1, scenes: 1, scene_people: 1, audit_events: 1 });

    const video = crypto.randomUUID();
    await db
      .sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
      values (${video}, ${carol}, 'key', 'video/mp4', 1, 'deleted')`;
    await db.sql`insert into public.scenes (scene_id, video_id, start_s, end_s, tsv)
      values (${video}, ${video}, 0, 1, 'word')`;
    await db.sql`insert into public.scene_people values (${video}, ${carol}, 1, 1)`;
    await db.sql`update public.scenes set tsv = 'other' where scene_id = ${ann}`;
    await db.sql`update public.videos set user_id = ${bob} where video_id = ${ann}`;
    const [late] = await db.sql`
      select v.supabase_user_id = ${carolsNewId} and s.user_id = ${carolsNewId} and p.user_id = ${carolsNewId} as own,
        v.deleted_at is not null as hidden, w.tsv::text as words
      from public.videos v join public.scenes s using (video_id) join public.scene_people p using (scene_id)
      join legacy_archive.scene_words w using (scene_id) where video_id = ${video}`;
    expect(late).toEqual({ own: true, hidden: true, words: "'word'" });
    const [moved] = await db.sql`
      select v.supabase_user_id = ${bobsNewId} and s.user_id = ${bobsNewId} and m.user_id = ${bobsNewId} as given,
        w.tsv::text as words
      from public.videos v join public.scenes s using (video_id) join public.video_metadata m using (video_id)
      join legacy_archive.scene_words w using (scene_id) where video_id = ${ann}`;
    expect(moved).toEqual({ given: true, words: "'other'" });
  });

  test("is all that the swap needs: rows and owners come out as they were filled", async () => {
    await fillOwners(db.sql);
    await buildOwnerIndexes(db.sql);
    const take = () =>
      db.sql`select is_allowed, remaining from private.take_rate_limit(
        ${`user:${annsNewId}`}, 'write', 3, 60, ${annsNewId}, null)`;
    expect([...await take(), ...await take()]).toEqual([
      { is_allowed: true, remaining: 2 },
      { is_allowed: true, remaining: 1 },
    ]);
    await db.sql`insert into public.rate_limits (resource, window_start, expires_at)
      values ('video_upload', '2026-01-01Z', '2026-01-02Z')`;
    expect(await db.sql`select private.sweep_rate_limits(10) as swept`).toEqual([{ swept: 0 }]);
    await db.sql`
      insert into public.audit_events (event_type, ip_address, metadata, created_at)
      select 'login', '203.0.113.9', m::jsonb, '2020-01-01Z'
      from unnest(array['{"request_id": "1"}', '{}', null]) as m`;
    const clear = () => db.sql`select private.clear_audit_addresses(90, 10) as cleared`;
    expect([...await clear(), ...await clear()]).toEqual([{ cleared: 1 }, { cleared: 0 }]);
    await applyMigration(db.sql, removal);
    expect(await clear()).toEqual([{ cleared: 0 }]);
    await db.sql.begin(async (sql) => {
      // As the purge leaves it.
      await sql`drop table legacy_archive.users cascade`;
      expect(await sql`select private.clear_audit_addresses(90, 10) as cleared`)
        .toEqual([{ cleared: 2 }]);
    });
    expect(await db.sql`select private.sweep_rate_limits(10) as swept`).toEqual([{ swept: 1 }]);
    expect(await take()).toEqual([{ is_allowed: true, remaining: 0 }]);
    expect(await db.sql`select user_id from public.rate_limits where subject is not null`)
      .toEqual([{ user_id: annsNewId }]);
    const ids = await db.sql`select video_id, user_id from public.videos order by 1`;
    expect(ids).toEqual([{ video_id: ann, user_id: annsNewId }, {
      video_id: bob,
      user_id: bobsNewId,
    }]);
  });

  test("copies vectors to their side tables, where the legacy system has some", async () => {
    // The type is pgvector's on a database that has it; how it is copied does not depend on it.
    await db.sql.unsafe(`
      alter table public.scenes add column text_vec text, add column image_vec text;
      alter table public.face_profiles add column adaface_vec text;
      create table public.scene_vectors (
        scene_id uuid primary key references public.scenes (scene_id) on delete cascade,
        text_vec text, image_vec text);
      create table public.face_vectors (
        person_id uuid primary key references public.face_profiles (person_id) on delete cascade,
        adaface_vec text);
      update public.scenes set text_vec = '[1]';
      update public.face_profiles set adaface_vec = '[2]' where person_id = '${ann}'`);
    await db.sql`select private.prepare_legacy_owners()`;
    expect(await fillOwners(db.sql)).toMatchObject({
      "scenes.vectors": 2,
      "face_profiles.vectors": 1,
    });
    await db.sql`update public.scenes set image_vec = '[3]' where scene_id = ${bob}`;
    await db.sql`update public.face_profiles set adaface_vec = '[4]' where person_id = ${bob}`;
    await applyMigration(db.sql, removal);
    expect(await db.sql`select * from public.scene_vectors order by 1`).toEqual([
      { scene_id: ann, text_vec: "[1]", image_vec: null },
      { scene_id: bob, text_vec: "[1]", image_vec: "[3]" },
    ]);
    expect(await db.sql`select * from public.face_vectors order by 1`).toEqual([
      { person_id: ann, adaface_vec: "[2]" },
      { person_id: bob, adaface_vec: "[4]" },
    ]);
    const left = await db.sql`
      select attname from pg_attribute where attname like '%\_vec' and not attisdropped
        and attrelid in ('public.scenes'::regclass, 'public.face_profiles'::regclass)`;
    expect(left).toEqual([]);
  });

  test("reports an index that was left invalid, and the push builds it anew", async () => {
    const [first] = await db.sql`select index_name, statement from private.legacy_owner_indexes()`;
    await db.sql.unsafe(String(first?.statement));
    await db.admin`update pg_index set indisvalid = false where indexrelid = ${
      String(first?.index_name)
    }::regclass`;
    const [again] = await db.sql`
      select is_ready from private.legacy_owner_indexes() where index_name = ${
      String(first?.index_name)
    }`;
    expect(again?.is_ready).toBe(false);
    await applyMigration(db.sql, removal);
    const [invalid] = await db.sql`select count(*) as indexes from pg_index where not indisvalid`;
    expect(invalid?.indexes).toBe(0);
  });

  test.each(["unknown", "videos"])(
    "refuses a relation or batch it cannot fill: %s",
    async (name) => {
      const asked = db.sql`select * from private.fill_legacy_owners(${name}, null, ${
        name === "videos" ? 0 : 1
      })`;
      expect(await refusalOf(asked)).toMatchObject({ code: "HD000", message: "validation_failed" });
    },
  );

  test("has no meaning after the removal", async () => {
    await applyMigration(db.sql, removal);
    for (const routine of ["prepare_legacy_owners", "discard_legacy_owners"]) {
      expect(await refusalOf(db.sql.unsafe(`select private.${routine}()`)))
        .toMatchObject({ message: expect.stringContaining("removed already") });
    }
    expect(await db.sql`select private.legacy_fingerprint() as value`).toEqual([{ value: null }]);
    expect(await db.sql`select from private.legacy_owner_indexes()`).toHaveLength(0);
  });

  test("leaves the objects of the old key readable to their owner until they are moved", async () => {
    await applyMigration(db.sql, removal);
    await db.admin`insert into storage.objects (bucket_id, name)
      values ('uploads', ${`videos/${ann}/${ann}.mp4`}), ('thumbnails', ${`${bob}/1.jpg`})`;
    const [session] = await db.admin`insert into auth.sessions (id, user_id)
      values (gen_random_uuid(), ${annsNewId}) returning id`;
    const person = { id: annsNewId, sessionId: String(session?.id) };
    const seen = await asPerson(db.sql, person, (sql) => sql`select name from storage.objects`);
    expect(seen).toEqual([{ name: `videos/${ann}/${ann}.mp4` }]);
    await db.sql`insert into private.legacy_exports (legacy_user_id, supabase_user_id, origin)
      values (gen_random_uuid(), ${ann}, 'kept')`;
    expect(await asPerson(db.sql, person, (sql) => sql`select name from storage.objects`)).toEqual(
      [],
    );
    await db.sql`delete from private.legacy_exports where supabase_user_id = ${ann}`;
    await db.admin`insert into auth.users (id, email) values (${ann}, 'another@example.test')`;
    expect(await asPerson(db.sql, person, (sql) => sql`select name from storage.objects`)).toEqual(
      [],
    );
  });

  test("applies every file again in the middle of the way without a change", async () => {
    await fillOwners(db.sql);
    const before = await dumpCatalogue(db.sql);
    for (const migration of migrations.slice(0, -1)) await applyMigration(db.sql, migration);
    expect(await dumpCatalogue(db.sql)).toEqual(before);
  });
});
