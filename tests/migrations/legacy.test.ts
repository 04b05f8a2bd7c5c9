import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pushMigrations } from "../../local/bootstrap/mod.ts";
import { dumpCatalogue } from "./support/catalogue.ts";
import {
  applyMigration,
  type Migration,
  readMigrations,
  startServer,
  type TestDatabase,
  type TestServer,
} from "./support/database.ts";
import { addPerson, refusalOf } from "./support/people.ts";

const migrations = await readMigrations();
const legacySchema = migrations[0] as Migration;
const removal = migrations.at(-1) as Migration;
const ann = "aaaaaaaa-0000-4000-8000-000000000001";
const bob = "bbbbbbbb-0000-4000-8000-000000000002";

let server: TestServer;
let db: TestDatabase;

beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  db = await server.createDatabase({ migrated: false });
});
afterEach(() => db.stop());
afterAll(() => server.stop());

/** The legacy tables with two users and their data, as the old system left them. */
async function seed() {
  await applyMigration(db.sql, legacySchema);
  for (const [id, email] of [[ann, "ann@example.test"], [bob, "bob@example.test"]] as const) {
    await db.sql`insert into public.users (user_id, email, password_hash, tier)
      values (${id}, ${email}, '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA', 'pro')`;
    await db.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
      values (${id}, ${id}, ${`videos/${id}/${id}.mp4`}, 'video/mp4', 1)`;
    await db.sql`insert into public.video_metadata (video_id, title) values (${id}, 'Clip')`;
    await db.sql`insert into public.scenes (scene_id, video_id, start_s, end_s, transcript, tsv)
      values (${id}, ${id}, 0, 1, 'Running dogs', to_tsvector('english', 'Running dogs'))`;
    await db
      .sql`insert into public.face_profiles (person_id, user_id, name) values (${id}, ${id}, 'Mia')`;
    await db.sql`insert into public.scene_people values (${id}, ${id}, 1, 1)`;
    await db.sql`insert into public.audit_events (user_id, event_type) values (${id}, 'login')`;
    await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
      values (${id}, 'search', now(), now())`;
    await db.sql`insert into public.refresh_tokens (user_id, token_hash, expires_at)
      values (${id}, ${id}, now())`;
  }
  await db
    .sql`insert into public.audit_events (user_id, event_type) values (gen_random_uuid(), 'login')`;
}

async function applyAllButRemoval() {
  for (const migration of migrations.slice(0, -1)) await applyMigration(db.sql, migration);
}

/** What the heimdex command leaves when a user was exported and compared. */
async function exportUser(legacyId: string, { verified = true } = {}): Promise<string> {
  const { id } = await addPerson(db);
  await db.sql`insert into private.legacy_exports (legacy_user_id, supabase_user_id, verified_at)
    values (${legacyId}, ${id}, ${verified ? new Date() : null})`;
  return id;
}

function passVerification(passed = true) {
  return db
    .sql`insert into private.legacy_verifications (finished_at, passed) values (now(), ${passed})`;
}

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

describe("adopting a legacy schema", () => {
  test("keeps its rows and closes its tables to clients at once", async () => {
    await seed();
    await applyMigration(db.sql, legacySchema);
    const [row] = await db.sql`
      select count(*) filter (where has_table_privilege('authenticated', c.oid, 'select')
          or has_table_privilege('anon', c.oid, 'select')) as open,
        count(*) filter (where not relrowsecurity) as bare, count(*) as tables
      from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace`;
    expect(row).toEqual({ open: 0, bare: 0, tables: 11 });
    expect(await db.sql`select from public.users`).toHaveLength(2);
  });

  test("hides a video that the legacy system had marked as deleted", async () => {
    await seed();
    await db.sql`update public.videos set state = 'deleted' where video_id = ${ann}`;
    await applyAllButRemoval();
    const deleted = await db.sql`select video_id from public.videos where deleted_at is not null`;
    expect(deleted).toEqual([{ video_id: ann }]);
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
    await seed();
    await db.sql.unsafe(change);
    await expectRefusal(legacySchema, new RegExp(`^Cannot adopt the legacy schema: .*${words}`));
  });

  test("rewrites the words of old scenes so that one query finds old and new", async () => {
    await seed();
    await applyAllButRemoval();
    const [row] = await db.sql`
      select bool_and(tsv @@ websearch_to_tsquery('simple', 'running')) as found,
        bool_and(user_id in (${ann}, ${bob})) as owned from public.scenes`;
    expect(row).toEqual({ found: true, owned: true });
  });

  test("keeps the largest of legacy counters that repeat", async () => {
    await seed();
    await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at, count)
      select user_id, resource, window_start, expires_at, 5 from public.rate_limits`;
    await applyAllButRemoval();
    expect(await db.sql`select count from public.rate_limits`).toEqual([{ count: 5 }, {
      count: 5,
    }]);
  });

  test("refuses two people of one name and says what to do", async () => {
    await seed();
    await db.sql`insert into public.face_profiles (user_id, name) values (${ann}, 'Mia')`;
    for (const migration of migrations.slice(0, 4)) await applyMigration(db.sql, migration);
    await expectRefusal(
      migrations[4] as Migration,
      /names of people unique: 1 names .* Rename or merge/,
    );
  });
});

describe("removing the users tables", () => {
  test("passes on a database without legacy users", async () => {
    for (const migration of migrations) await applyMigration(db.sql, migration);
    const [row] = await db.sql`
      select to_regclass('public.users') as users, to_regnamespace('legacy_archive') as archive,
        (select users_removed from private.legacy_removals) as removed`;
    expect(row).toEqual({ users: null, archive: null, removed: 0 });
  });

  test("refuses while a user is not exported, without any change", async () => {
    await seed();
    await applyAllButRemoval();
    await expectRefusal(removal, /2 of 2 legacy users are not exported .* heimdex legacy export/);
    await exportUser(ann);
    await expectRefusal(removal, /1 of 2 legacy users/);
  });

  test("refuses in words that a push prints", async () => {
    await seed();
    const refusal = await pushMigrations(db.url).then(() => "", String);
    expect(refusal).toContain("2 of 2 legacy users are not exported");
    expect(refusal).toContain("npx heimdex legacy verify");
    expect(await db.sql`select from public.users`).toHaveLength(2);
  });

  test("refuses while a user is exported and not verified", async () => {
    await seed();
    await applyAllButRemoval();
    await exportUser(ann);
    await exportUser(bob, { verified: false });
    await passVerification();
    await expectRefusal(removal, /1 of 2 legacy users .* heimdex legacy verify/);
  });

  test("refuses when the last verification did not pass", async () => {
    await seed();
    await applyAllButRemoval();
    await exportUser(ann);
    await exportUser(bob);
    await expectRefusal(removal, /last verification did not pass/);
    await passVerification();
    await passVerification(false);
    await expectRefusal(removal, /last verification did not pass/);
  });

  test("refuses when an exported user is gone from Supabase Auth or is somebody else", async () => {
    await seed();
    await applyAllButRemoval();
    const annsNewId = await exportUser(ann);
    await exportUser(bob);
    await passVerification();
    await db
      .sql`update public.users set supabase_user_id = gen_random_uuid() where user_id = ${ann}`;
    await expectRefusal(removal, /1 exported users are not in Supabase Auth/);
    await db.sql`update public.users set supabase_user_id = ${annsNewId} where user_id = ${ann}`;
    await db.admin`delete from auth.users where id = ${annsNewId}`;
    await expectRefusal(removal, /1 exported users are not in Supabase Auth/);
  });

  test("gives every row its new owner, loses none, and keeps the old tables in a closed schema", async () => {
    await seed();
    await applyAllButRemoval();
    const annsNewId = await exportUser(ann);
    const bobsNewId = await exportUser(bob);
    await passVerification();
    await applyMigration(db.sql, removal);

    const owners = await db.sql`
      select 'videos' as name, video_id as id, user_id from public.videos
      union all select 'video_metadata', video_id, user_id from public.video_metadata
      union all select 'scenes', scene_id, user_id from public.scenes
      union all select 'scene_people', scene_id, user_id from public.scene_people
      union all select 'face_profiles', person_id, user_id from public.face_profiles`;
    expect(owners).toHaveLength(10);
    for (const { id, user_id } of owners) expect(user_id).toBe(id === ann ? annsNewId : bobsNewId);
    const [others] = await db.sql`
      select (select count(*) from public.rate_limits where user_id in (${annsNewId}, ${bobsNewId})) as limits,
        (select count(*) from public.audit_events where user_id in (${annsNewId}, ${bobsNewId})) as audit,
        (select count(*) from public.audit_events) as all_audit`;
    expect(others).toEqual({ limits: 2, audit: 2, all_audit: 3 });

    const [archive] = await db.sql`
      select (select count(*) from legacy_archive.users) as users,
        (select count(*) from legacy_archive.refresh_tokens) as tokens,
        to_regtype('legacy_archive.user_tier') is not null as tier, to_regtype('public.user_tier') as public_tier,
        has_schema_privilege('authenticated', 'legacy_archive', 'usage') as open,
        has_schema_privilege('service_role', 'legacy_archive', 'usage') as open_to_service`;
    expect(archive).toEqual({
      users: 2,
      tokens: 2,
      tier: true,
      public_tier: null,
      open: false,
      open_to_service: false,
    });
  });

  test("runs again on the archived state without a change", async () => {
    await seed();
    await applyAllButRemoval();
    await exportUser(ann);
    await exportUser(bob);
    await passVerification();
    await applyMigration(db.sql, removal);
    const before = await dumpCatalogue(db.sql);
    for (const migration of migrations) await applyMigration(db.sql, migration);
    expect(await dumpCatalogue(db.sql)).toEqual(before);
  });

  test("refuses when users vanished without it", async () => {
    await applyAllButRemoval();
    await db.sql`drop table public.refresh_tokens, public.email_verification_tokens`;
    await db.sql`alter table public.users rename to people_of_old`;
    expect((await refusalOf(applyMigration(db.sql, removal))).message)
      .toMatch(/public.users is not there, but its removal was never recorded/);
  });
});
