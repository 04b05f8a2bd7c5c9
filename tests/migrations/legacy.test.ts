import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pushMigrations } from "../../local/bootstrap/mod.ts";
import { dumpCatalogue } from "./support/catalogue.ts";
import {
  applyMigration,
  type Migration,
  startServer,
  type TestDatabase,
  type TestServer,
} from "./support/database.ts";
import {
  adoptLegacy,
  ann,
  applyAllButRemoval,
  bob,
  dumpLegacyRows,
  exportUser,
  legacySchema,
  migrations,
  removal,
  seedLegacy,
  verifyUsers,
} from "./support/legacy.ts";
import { refusalOf } from "./support/people.ts";

let server: TestServer;
let db: TestDatabase;
let createEmpty: () => Promise<TestDatabase>;
let createLegacy: () => Promise<TestDatabase>;
let createAdopted: () => Promise<TestDatabase>;

beforeAll(async () => {
  server = await startServer();
  createEmpty = await server.createTemplate(() => Promise.resolve());
  createLegacy = await server.createTemplate(seedLegacy);
  createAdopted = await server.createTemplate(adoptLegacy);
});
afterEach(() => db.stop());
afterAll(() => server.stop());

async function dumpRows(): Promise<string> {
  const tables = ["users", "videos", "scenes", "face_profiles", "scene_people", "audit_events"];
  const rows = await Promise.all(
    tables.map((table) => db.sql.unsafe(`select * from public.${table} t order by t::text`)),
  );
  return JSON.stringify(rows);
}

async function expectRefusal(migration: Migration, message: RegExp) {
  const shape = await dumpCatalogue(db.sql);
  const rows = await dumpRows();
  const refusal = await refusalOf(applyMigration(db.sql, migration));
  expect(refusal.code).toBe("HD000");
  expect(refusal.message).toMatch(message);
  expect(refusal.message).toContain("Nothing was changed");
  expect(await dumpCatalogue(db.sql)).toEqual(shape);
  expect(await dumpRows()).toBe(rows);
}

/** Both users exported and verified; the removal would pass. */
async function moveUsers(): Promise<{ ann: string; bob: string }> {
  const ids = { ann: await exportUser(db, ann), bob: await exportUser(db, bob) };
  await verifyUsers(db);
  return ids;
}

describe("adopting a legacy schema", () => {
  beforeEach(async () => {
    db = await createLegacy();
  });

  test("keeps its rows and closes its tables to clients at once", async () => {
    await applyMigration(db.sql, legacySchema);
    const [row] = await db.sql`
      select count(*) filter (where has_table_privilege('authenticated', c.oid, 'select')
          or has_table_privilege('anon', c.oid, 'select')) as open,
        count(*) filter (where not relrowsecurity) as bare, count(*) as tables
      from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace`;
    expect(row).toEqual({ open: 0, bare: 0, tables: 11 });
    expect(await db.sql`select from public.users`).toHaveLength(2);
  });

  test.each([
    ["alter table public.users alter column email type text", "users.email is text instead of"],
    ["alter table public.users drop column industry", "users.industry is missing"],
    ["alter table public.videos add column note text", "videos.note is not known"],
    ["alter table public.videos alter column state drop not null", "videos.state is nullable"],
    [
      "alter table public.scenes alter column start_s type numeric(12,3)",
      "scenes.start_s is numeric",
    ],
    ["alter type public.job_state add value 'paused'", "job_state has the values .*paused"],
  ])("refuses after: %s", async (change, words) => {
    await db.sql.unsafe(change);
    await expectRefusal(legacySchema, new RegExp(`^Cannot adopt the legacy schema: .*${words}`));
  });

  test("changes no legacy column, index, constraint or row before the removal", async () => {
    await db.sql`update public.videos set state = 'deleted' where video_id = ${ann}`;
    const [shape, rows] = [await dumpLegacyShape(), await dumpLegacyRows(db.sql)];
    await applyAllButRemoval(db);
    expect(await dumpLegacyRows(db.sql)).toEqual(rows);
    const after = await dumpLegacyShape();
    expect(shape.filter((line) => !after.includes(line))).toEqual([]);
  });

  test("lets the legacy application go on with what the new system would refuse", async () => {
    await applyAllButRemoval(db);
    await db.sql`insert into public.face_profiles (user_id, name) values (${ann}, 'Mia')`;
    await db.sql`update public.face_profiles set name = ' Mia ' where person_id = ${bob}`;
    await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at, count)
      select user_id, resource, window_start, expires_at, 5 from public.rate_limits`;
    await db
      .sql`update public.scenes set tsv = to_tsvector('english', 'cats'), transcript = 'cats'`;
    await db.sql`update public.video_metadata set description = repeat('x', 6000), tags = '1'`;
    const [scene] = await db.sql`
      select bool_and(tsv = to_tsvector('english', 'cats')) as kept,
        bool_and(words @@ to_tsquery('simple', 'cats')) as found from public.scenes`;
    expect(scene).toEqual({ kept: true, found: true });
  });

  async function dumpLegacyShape(): Promise<string[]> {
    const parts = await Promise.all([
      db.sql`select attrelid::regclass::text as relation, attname, attnotnull, attnum,
          format_type(atttypid, atttypmod) as type, pg_get_expr(d.adbin, d.adrelid) as value
        from pg_attribute a left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
        where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r')
          and attnum > 0 and not attisdropped`,
      db.sql`select conname, pg_get_constraintdef(oid) as definition from pg_constraint
        where connamespace = 'public'::regnamespace`,
      db.sql`select indexdef from pg_indexes where schemaname = 'public'`,
    ]);
    return parts.flatMap((part) => [...part].map((row) => JSON.stringify(row)));
  }
});

describe("removing the users tables", () => {
  beforeEach(async () => {
    db = await createAdopted();
  });

  test("refuses while a user is not exported, without any change", async () => {
    await expectRefusal(removal, /2 of 2 legacy users are not exported .* heimdex legacy export/);
    await exportUser(db, ann);
    await expectRefusal(removal, /1 of 2 legacy users/);
  });

  test("refuses in words that a push prints", async () => {
    const refusal = await pushMigrations(db.url).then(() => "", String);
    expect(refusal).toContain("2 of 2 legacy users are not exported");
    expect(refusal).toContain("npx heimdex legacy verify");
    expect(await db.sql`select from public.users`).toHaveLength(2);
  });

  test("refuses while a user is exported and not verified", async () => {
    await exportUser(db, ann);
    await exportUser(db, bob, { verified: false });
    await verifyUsers(db);
    await expectRefusal(removal, /1 of 2 legacy users .* heimdex legacy verify/);
  });

  test("refuses when the last verification did not pass", async () => {
    await exportUser(db, ann);
    await exportUser(db, bob);
    await expectRefusal(removal, /last verification did not pass/);
    await verifyUsers(db);
    await verifyUsers(db, false);
    await expectRefusal(removal, /last verification did not pass/);
  });

  test.each([
    ["a user", (sql: TestDatabase["sql"]) => sql`update public.users set last_login_at = now()`],
    ["a video", (sql) =>
      sql`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
        values (${ann}, 'key', 'video/mp4', 1)`],
    [
      "a scene",
      (sql) => sql`insert into public.scenes (video_id, start_s, end_s) values (${ann}, 1, 2)`,
    ],
    [
      "a person",
      (sql) => sql`insert into public.face_profiles (user_id, name) values (${ann}, 'Zoe')`,
    ],
    ["a link", (sql) => sql`delete from public.scene_people where scene_id = ${ann}`],
  ])(
    "refuses when the legacy application has written %s since the verification",
    async (_, write) => {
      await moveUsers();
      await write(db.sql);
      await expectRefusal(removal, /has written since the last verification\. Stop it/);
    },
  );

  test("refuses when an exported user is gone from Supabase Auth or is somebody else", async () => {
    const ids = await moveUsers();
    await db.sql`update public.users set supabase_user_id = ${ids.bob} where user_id = ${ann}`;
    await verifyUsers(db);
    await expectRefusal(removal, /1 exported users are not in Supabase Auth/);
    await db.sql`update public.users set supabase_user_id = ${ids.ann} where user_id = ${ann}`;
    await verifyUsers(db);
    await db.admin`delete from auth.users where id = ${ids.ann}`;
    // With its event the deletion becomes an erasure, which explains it; lost events explain nothing.
    await db.sql`delete from private.auth_events`;
    await expectRefusal(removal, /1 exported users are not in Supabase Auth/);
  });

  test("passes when the account was decided to be made anew, or its erasure waits", async () => {
    const ids = await moveUsers();
    await db
      .sql`update public.users set supabase_user_id = gen_random_uuid() where user_id = ${ann}`;
    await verifyUsers(db);
    await db
      .sql`update private.legacy_exports set verified_at = null where legacy_user_id = ${bob}`;
    await db.admin`delete from auth.users where id = ${ids.bob}`;
    await db.sql`insert into private.erasures (kind, user_id, origin, state)
      values ('user', ${ids.bob}, 'event', 'held')`;
    await applyMigration(db.sql, removal);
    const owners = await db.sql`select user_id from public.videos where video_id = ${bob}`;
    expect(owners).toEqual([{ user_id: ids.bob }]);
  });

  test("refuses rows of unknown owners until it is decided that they keep them", async () => {
    await moveUsers();
    const owner = crypto.randomUUID();
    await db.sql`alter table public.videos drop constraint videos_user_id_fkey`;
    await db.sql`update public.videos set user_id = ${owner} where video_id = ${bob}`;
    await verifyUsers(db);
    await expectRefusal(removal, /1 owners of videos or people are not among .* legacy plan/);
    await db.sql`insert into private.legacy_decisions (kind, subject, action)
      values ('unknown_owner', ${owner}, 'keep')`;
    await applyMigration(db.sql, removal);
    const [video] = await db.sql`
      select v.user_id, s.user_id as scene_owner from public.videos v join public.scenes s using (video_id)
      where video_id = ${bob}`;
    expect(video).toEqual({ user_id: owner, scene_owner: owner });
  });

  test("refuses two people of one name until it is decided that they are numbered", async () => {
    await moveUsers();
    const long = "x".repeat(255);
    const twins = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    await db
      .sql`update public.face_profiles set created_at = '2020-01-01Z' where person_id = ${ann}`;
    await db.sql`insert into public.face_profiles (person_id, user_id, name) values
      (${twins[0] ?? ""}, ${ann}, 'Mia'), (${twins[1] ?? ""}, ${ann}, 'Mia (2)'),
      (${twins[2] ?? ""}, ${bob}, ${long}), (gen_random_uuid(), ${bob}, ${long})`;
    await verifyUsers(db);
    await expectRefusal(removal, /2 names of people occur twice .* person_names: suffix/);
    await db.sql`insert into private.legacy_decisions (kind, subject, action)
      values ('person_names', '*', 'suffix')`;
    await applyMigration(db.sql, removal);
    const names = await db.sql`
      select name, old_name from public.face_profiles left join private.legacy_renames using (person_id)
      order by length(name), name`;
    expect(names).toEqual([
      { name: "Mia", old_name: null },
      { name: "Mia", old_name: null },
      { name: "Mia (2)", old_name: null },
      { name: "Mia (3)", old_name: "Mia" },
      { name: `${"x".repeat(251)} (2)`, old_name: long },
      { name: long, old_name: null },
    ]);
  });

  test("keeps the largest of counters that repeat, and the others in the archive", async () => {
    const ids = await moveUsers();
    await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at, count)
      select user_id, resource, window_start, expires_at, 5 from public.rate_limits`;
    await applyMigration(db.sql, removal);
    const kept = await db.sql`select user_id, count from public.rate_limits order by user_id`;
    expect(kept).toEqual(
      [ids.ann, ids.bob].sort().map((user_id) => ({ user_id, count: 5 })),
    );
    expect(await db.sql`select user_id, count from legacy_archive.rate_limits order by 1`)
      .toEqual([{ user_id: ann, count: 1 }, { user_id: bob, count: 1 }]);
  });

  test("gives every row its new owner, loses none, and keeps the old tables in a closed schema", async () => {
    const ids = await moveUsers();
    await applyMigration(db.sql, removal);

    const owners = await db.sql`
      select 'videos' as name, video_id as id, user_id from public.videos
      union all select 'video_metadata', video_id, user_id from public.video_metadata
      union all select 'jobs', video_id, user_id from public.jobs
      union all select 'scenes', scene_id, user_id from public.scenes
      union all select 'scene_people', scene_id, user_id from public.scene_people
      union all select 'face_profiles', person_id, user_id from public.face_profiles`;
    expect(owners).toHaveLength(12);
    for (const { id, user_id } of owners) expect(user_id).toBe(id === ann ? ids.ann : ids.bob);
    const [others] = await db.sql`
      select (select count(*) from public.rate_limits where user_id in (${ids.ann}, ${ids.bob})) as limits,
        (select count(*) from public.audit_events where user_id in (${ids.ann}, ${ids.bob})) as audit,
        (select count(*) from public.audit_events) as all_audit`;
    expect(others).toEqual({ limits: 2, audit: 2, all_audit: 3 });

    const [archive] = await db.sql`
      select (select count(*) from legacy_archive.users) as users,
        (select count(*) from legacy_archive.refresh_tokens) as tokens,
        (select bool_and(tsv @@ to_tsquery('english', 'run')) from legacy_archive.scene_words) as words,
        (select bool_and(words @@ to_tsquery('simple', 'running')) from public.scenes) as found,
        to_regtype('legacy_archive.user_tier') is not null as tier, to_regtype('public.user_tier') as public_tier`;
    expect(archive).toEqual({
      users: 2,
      tokens: 2,
      words: true,
      found: true,
      tier: true,
      public_tier: null,
    });
    const [open] = await db.sql`
      select count(*) filter (where has_schema_privilege(r, 'legacy_archive', 'usage')) as schemas,
        count(*) filter (where has_table_privilege(r, c.oid, 'select')) as tables, count(*) as all
      from unnest(array['anon', 'authenticated', 'service_role']) as r, pg_class c
      where c.relnamespace = 'legacy_archive'::regnamespace and c.relkind = 'r'`;
    expect(open).toEqual({ schemas: 0, tables: 0, all: 18 });
  });

  test("hides a video that the legacy system had marked as deleted", async () => {
    await moveUsers();
    await db.sql`update public.videos set state = 'deleted' where video_id = ${ann}`;
    await applyMigration(db.sql, removal);
    const deleted = await db.sql`select video_id from public.videos where deleted_at is not null`;
    expect(deleted).toEqual([{ video_id: ann }]);
  });

  test("remembers rows of unknown users whose id is the new id of another", async () => {
    const ids = await moveUsers();
    const [event] = await db.sql`insert into public.audit_events (user_id, event_type)
      values (${ids.ann}, 'login') returning event_id`;
    await applyMigration(db.sql, removal);
    expect(await db.sql`select * from legacy_archive.kept_owners`)
      .toEqual([{ relation: "audit_events", row_id: event?.event_id, user_id: ids.ann }]);
  });

  test("runs again on the archived state without a change", async () => {
    await moveUsers();
    await applyMigration(db.sql, removal);
    const before = await dumpCatalogue(db.sql);
    for (const migration of migrations) await applyMigration(db.sql, migration);
    expect(await dumpCatalogue(db.sql)).toEqual(before);
  });
});

describe("removing users tables that were never used", () => {
  beforeEach(async () => {
    db = await createEmpty();
  });

  test("passes", async () => {
    for (const migration of migrations) await applyMigration(db.sql, migration);
    const [row] = await db.sql`
      select to_regclass('public.users') as users, to_regnamespace('legacy_archive') as archive,
        (select users_removed from private.legacy_removals) as removed`;
    expect(row).toEqual({ users: null, archive: null, removed: 0 });
  });

  test("passes after a preparation for which there was nothing to do", async () => {
    await applyAllButRemoval(db);
    await db.sql`select private.prepare_legacy_owners()`;
    await applyMigration(db.sql, removal);
    const [row] = await db.sql`select to_regnamespace('legacy_archive') as archive`;
    expect(row).toEqual({ archive: null });
  });

  test("refuses when the first user comes while it waits for the tables", async () => {
    await applyAllButRemoval(db);
    const writer = await db.admin.reserve();
    await writer`begin`;
    await writer`insert into public.users (email) values ('first@example.test')`;
    const refused = refusalOf(applyMigration(db.sql, removal));
    await expect.poll(() =>
      writer`
        select from pg_locks
        where not granted and relation = 'public.users'::regclass`, { timeout: 5_000 })
      .toHaveLength(1);
    await writer`commit`;
    writer.release();
    expect((await refused).message).toMatch(/wrote its first rows meanwhile/);
    expect(await db.sql`select email from public.users`).toEqual([{ email: "first@example.test" }]);
  });

  test("refuses when users vanished without it", async () => {
    await applyAllButRemoval(db);
    await db.sql`drop table public.refresh_tokens, public.email_verification_tokens`;
    await db.sql`alter table public.users rename to people_of_old`;
    expect((await refusalOf(applyMigration(db.sql, removal))).message)
      .toMatch(/public.users is not there, but its removal was never recorded/);
  });
});
