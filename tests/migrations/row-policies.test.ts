import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDatabase, type TestDatabase, type Transaction } from "./support/database.ts";
import { addPerson, asPerson, type Person, refusalOf, within } from "./support/people.ts";

const roles = ["owner", "other", "member", "admin", "former", "signedOut", "banned"] as const;
type Name = typeof roles[number];

let db: TestDatabase;
const people = {} as Record<Name, Person>;
const ids = {
  organization: "11111111-0000-4000-8000-000000000001",
  own: "11111111-0000-4000-8000-000000000002",
  shared: "11111111-0000-4000-8000-000000000003",
  ownScene: "11111111-0000-4000-8000-000000000004",
  sharedScene: "11111111-0000-4000-8000-000000000005",
  person: "11111111-0000-4000-8000-000000000006",
};

/** How many rows each may see: of the owner's own video and of the one in the organisation. */
const visible: { table: string; rows: Partial<Record<Name, number>> }[] = [
  { table: "videos", rows: { owner: 2, member: 1, admin: 1 } },
  { table: "video_metadata", rows: { owner: 2, member: 1, admin: 1 } },
  { table: "scenes", rows: { owner: 2, member: 1, admin: 1 } },
  { table: "jobs", rows: { owner: 2, member: 1, admin: 1 } },
  { table: "scene_people", rows: { owner: 2, member: 1, admin: 1 } },
  { table: "face_profiles", rows: { owner: 1 } },
  { table: "audit_events", rows: { owner: 1 } },
  { table: "rate_limits", rows: { owner: 1 } },
  { table: "user_analytics", rows: { owner: 1 } },
  { table: "consents", rows: { owner: 1 } },
  { table: "organizations", rows: { member: 1, admin: 1 } },
  { table: "organization_members", rows: { member: 2, admin: 2 } },
];

/** Updates that somebody may make: statement, who changes how many rows. */
const updates: { text: string; rows: Partial<Record<Name, number>> }[] = [
  { text: "update public.videos set language = 'ko'", rows: { owner: 2, admin: 1 } },
  {
    text: "update public.video_metadata set title = 'New', tags = '[]'",
    rows: { owner: 2, admin: 1 },
  },
  { text: "update public.face_profiles set name = 'Ann'", rows: { owner: 1 } },
];

/** Statements that no client may make, not even on its own rows. */
const refused = [
  "update public.videos set state = 'indexed'",
  "update public.videos set storage_key = 'videos/x'",
  "update public.videos set user_id = gen_random_uuid()",
  "update public.videos set organization_id = null",
  "update public.video_metadata set user_id = gen_random_uuid()",
  "update public.video_metadata set thumbnail_url = 'x'",
  "update public.scenes set transcript = 'x'",
  "update public.jobs set state = 'completed'",
  "update public.face_profiles set photo_keys = '{}'",
  "update public.face_profiles set user_id = gen_random_uuid()",
  "update public.consents set granted_at = now()",
  "update public.organization_members set role = 'admin'",
  "insert into public.videos (user_id, storage_key, mime_type, size_bytes) values (auth.uid(), 'k', 'm', 1)",
  "insert into public.consents (user_id, kind, text_version, granted_at) values (auth.uid(), 'face', '1', now())",
  "insert into public.audit_events (user_id, event_type) values (auth.uid(), 'x')",
  "insert into public.organization_members (organization_id, user_id) select organization_id, auth.uid() from public.organizations",
  "delete from public.videos",
  "delete from public.audit_events",
  "delete from public.consents",
  "truncate public.videos",
  "select * from private.auth_events",
  "select * from private.erased_users",
  "select * from private.webhook_deliveries",
  "select * from private.orphan_counts",
  "select private.claim_auth_events(1, 60, 12)",
  "select private.require_deleted_user(auth.uid())",
  "select private.lock_own_video(gen_random_uuid())",
  "select private.fit_metadata('{}', '{}')",
];

beforeAll(async () => {
  db = await startDatabase();
  for (const role of roles) people[role] = await addPerson(db);
  await db.admin`delete from auth.sessions where id = ${people.signedOut.sessionId}`;
  await db
    .admin`update auth.users set banned_until = now() + interval '1 hour' where id = ${people.banned.id}`;
  await db
    .sql`insert into public.organizations (organization_id, name) values (${ids.organization}, 'Studio')`;
  await db.sql`insert into public.organization_members (organization_id, user_id, role) values
    (${ids.organization}, ${people.member.id}, 'member'), (${ids.organization}, ${people.admin.id}, 'admin'),
    (${ids.organization}, ${people.former.id}, 'member')`;
  await db.sql`delete from public.organization_members where user_id = ${people.former.id}`;
  for (const owner of [people.owner, people.signedOut, people.banned]) await addRows(owner);
});
afterAll(() => db.stop());

/** One row of every kind; the first owner's second video belongs to the organisation too. */
async function addRows({ id }: Person) {
  const first = id === people.owner.id;
  const own = first ? ids.own : crypto.randomUUID();
  const scene = first ? ids.ownScene : crypto.randomUUID();
  const person = first ? ids.person : crypto.randomUUID();
  await db
    .sql`insert into public.face_profiles (person_id, user_id, name) values (${person}, ${id}, 'Mia')`;
  await addVideo(id, own, scene, person, null);
  if (first) await addVideo(id, ids.shared, ids.sharedScene, person, ids.organization);
  await db.sql`insert into public.audit_events (user_id, event_type) values (${id}, 'login')`;
  await db.sql`insert into public.user_analytics (user_id, event_type) values (${id}, 'login')`;
  await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
    values (${id}, 'search', now(), now())`;
  await db.sql`insert into public.consents (user_id, kind, text_version, granted_at)
    values (${id}, 'email', '1', now())`;
}

async function addVideo(
  user: string,
  video: string,
  scene: string,
  person: string,
  organization: string | null,
) {
  await db
    .sql`insert into public.videos (video_id, user_id, organization_id, storage_key, mime_type, size_bytes)
    values (${video}, ${user}, ${organization}, ${`videos/${user}/${video}.mp4`}, 'video/mp4', 1)`;
  await db.sql`insert into public.video_metadata (video_id, title) values (${video}, 'Old')`;
  await db.sql`insert into public.jobs (video_id, stage) values (${video}, 'commit')`;
  await db
    .sql`insert into public.scenes (scene_id, video_id, start_s, end_s) values (${scene}, ${video}, 0, 1)`;
  await db.sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
    values (${scene}, ${person}, 1, 1)`;
}

/** Runs and takes back, so that each case begins from the same rows. */
async function tryOut<T>(who: Person, work: (sql: Transaction) => Promise<T>): Promise<T> {
  const undo = new Error("undo");
  const outcome: { value?: T } = {};
  await asPerson(db.sql, who, async (sql) => {
    outcome.value = await work(sql);
    throw undo;
  }).catch((error: unknown) => {
    if (error !== undo) throw error;
  });
  return outcome.value as T;
}

describe.each(visible)("rows of $table", ({ table, rows }) => {
  test.each(roles)("%s sees what is theirs", async (name) => {
    const seen = await asPerson(
      db.sql,
      people[name],
      (sql) => sql.unsafe(`select * from public.${table}`),
    );
    expect(seen).toHaveLength(rows[name] ?? 0);
  });

  test("anon has no right on them", async () => {
    const asked = within(db.sql, "anon", {}, (sql) => sql.unsafe(`select * from public.${table}`));
    expect(await refusalOf(asked)).toMatchObject({ code: "42501" });
  });

  test("service_role sees all of them", async () => {
    const [all] = await db.sql.unsafe(`select count(*) as n from public.${table}`);
    const [seen] = await within(
      db.sql,
      "service_role",
      {},
      (sql) => sql.unsafe(`select count(*) as n from public.${table}`),
    );
    expect(seen?.n).toBeGreaterThan(0);
    expect(seen).toEqual(all);
  });

  test("a token without a session sees nothing", async () => {
    const claims = { sub: people.owner.id, role: "authenticated" };
    const seen = await within(
      db.sql,
      "authenticated",
      claims,
      (sql) => sql.unsafe(`select * from public.${table}`),
    );
    expect(seen).toHaveLength(0);
  });
});

describe.each(updates)("$text", ({ text, rows }) => {
  test.each(roles)("%s changes what is theirs", async (name) => {
    const changed = await tryOut(people[name], async (sql) => (await sql.unsafe(text)).count);
    expect(changed).toBe(rows[name] ?? 0);
  });
});

test.each(refused)("no client may: %s", async (text) => {
  for (const name of ["owner", "admin"] as const) {
    const asked = asPerson(db.sql, people[name], (sql) => sql.unsafe(text));
    expect(await refusalOf(asked), name).toMatchObject({ code: "42501" });
  }
});

/** Values beyond the limits of the edge functions, which a client could send past them. */
const beyondLimits: [table: string, column: string, value: string][] = [
  ["videos", "language", "'x'"],
  ["videos", "language", "repeat('x', 100000)"],
  ["videos", "language", "'en\nko'"],
  ["video_metadata", "title", "''"],
  ["video_metadata", "description", "repeat('x', 5001)"],
  ["video_metadata", "tags", "'{\"a\": 1}'"],
  ["video_metadata", "tags", "'null'"],
  ["video_metadata", "tags", "'[1]'"],
  ["video_metadata", "tags", "'[\"\"]'"],
  ["video_metadata", "tags", "to_jsonb(array[repeat('x', 65)])"],
  ["video_metadata", "tags", "to_jsonb(array_fill('x'::text, array[51]))"],
  ["face_profiles", "name", "''"],
  ["face_profiles", "name", "'   '"],
  ["face_profiles", "name", "' Ann'"],
  ["face_profiles", "name", "repeat('x', 101)"],
  ["face_profiles", "name", "E'a\\x07b'"],
];

test.each(beyondLimits)("a client cannot set %s.%s to %s", async (table, column, value) => {
  const asked = asPerson(
    db.sql,
    people.owner,
    (sql) => sql.unsafe(`update public.${table} set ${column} = ${value}`),
  );
  expect(await refusalOf(asked)).toMatchObject({ code: "HD000", message: "validation_failed" });
});

test("the largest values that fit, and null, are taken", async () => {
  const changed = await tryOut(people.owner, async (sql) => {
    await sql`update public.videos set language = 'zh-Hant-TW'`;
    await sql`update public.videos set language = null`;
    await sql`update public.face_profiles set name = repeat('x', 100)`;
    await sql`update public.video_metadata set title = null, description = null, tags = null`;
    return await sql`update public.video_metadata set title = repeat('x', 255),
      description = repeat('한', 5000), tags = to_jsonb(array_fill(repeat('x', 64), array[50]))`;
  });
  expect(changed.count).toBe(2);
});

test("a legacy value beyond the limits does not stand in the way of other columns", async () => {
  const video = crypto.randomUUID();
  await db.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
    values (${video}, ${people.other.id}, 'k', 'video/mp4', 1)`;
  await db.sql`insert into public.video_metadata (video_id, description, tags)
    values (${video}, repeat('x', 6000), '{"mood": "calm"}')`;
  const changed = await tryOut(
    people.other,
    (sql) => sql`update public.video_metadata set title = 'New' where video_id = ${video}`,
  );
  expect(changed.count).toBe(1);
  await db.sql`delete from public.videos where video_id = ${video}`;
});

describe("a video whose deletion has begun", () => {
  const tables = ["videos", "video_metadata", "scenes", "jobs"] as const;

  /** Marks the shared video, works as that person, and takes both back. */
  async function afterDeletion<T>(who: Person, work: (sql: Transaction) => Promise<T>): Promise<T> {
    await db.sql`update public.videos set deleted_at = now() where video_id = ${ids.shared}`;
    try {
      return await tryOut(who, work);
    } finally {
      await db.sql`update public.videos set deleted_at = null where video_id = ${ids.shared}`;
    }
  }

  test.each(tables)("is hidden in %s from owner, member and admin", async (table) => {
    for (const name of ["owner", "member", "admin"] as const) {
      const rows = await afterDeletion(
        people[name],
        (sql) => sql`select from ${sql(`public.${table}`)} where video_id = ${ids.shared}`,
      );
      expect(rows, name).toHaveLength(0);
    }
  });

  // Without a condition or an answer an update asks no SELECT policy.
  test.each([
    "update public.videos set language = 'de'",
    "update public.video_metadata set title = 'Again'",
  ])("is not changed by: %s", async (text) => {
    expect(await afterDeletion(people.admin, async (sql) => (await sql.unsafe(text)).count)).toBe(
      0,
    );
    expect(await afterDeletion(people.owner, async (sql) => (await sql.unsafe(text)).count)).toBe(
      1,
    );
  });
});

describe("the live-session check", () => {
  const state = async ({ id, sessionId }: Person) => {
    const [row] = await db.sql`select private.session_state(${id}, ${sessionId}) as state`;
    return row?.state;
  };

  test("tells a live session from one that is signed out or whose user is banned", async () => {
    expect(await state(people.owner)).toBe("live");
    expect(await state(people.signedOut)).toBe("revoked");
    expect(await state(people.banned)).toBe("revoked");
  });

  test("does not take the session of another user", async () => {
    expect(await state({ ...people.owner, sessionId: people.other.sessionId })).toBe("revoked");
  });

  test("ends with not_after, a soft delete, an erasure and the user", async () => {
    const late = await addPerson(db);
    await db
      .admin`update auth.sessions set not_after = now() - interval '1 second' where id = ${late.sessionId}`;
    expect(await state(late)).toBe("revoked");
    const soft = await addPerson(db);
    await db.admin`update auth.users set deleted_at = now() where id = ${soft.id}`;
    expect(await state(soft)).toBe("revoked");
    const erased = await addPerson(db);
    await db.sql`insert into private.erased_users (subject, user_id)
      values (${"0".repeat(64)}, ${erased.id})`;
    expect(await state(erased)).toBe("revoked");
    const gone = await addPerson(db);
    await db.admin`delete from auth.users where id = ${gone.id}`;
    expect(await state(gone)).toBe("revoked");
  });

  test("a ban that has run out no longer counts", async () => {
    const back = await addPerson(db);
    await db
      .admin`update auth.users set banned_until = now() - interval '1 second' where id = ${back.id}`;
    expect(await state(back)).toBe("live");
  });
});

describe("objects in storage", () => {
  const keys: { bucket: string; key: (id: string) => string; readers: readonly Name[] }[] = [
    { bucket: "uploads", key: (id) => `videos/${id}/v.mp4`, readers: ["owner"] },
    { bucket: "uploads", key: (id) => `faces/${id}/p/photo_1.jpg`, readers: ["owner"] },
    { bucket: "uploads", key: (id) => `other/${id}/x`, readers: [] },
    { bucket: "uploads", key: (id) => `${id}/x`, readers: [] },
    { bucket: "thumbnails", key: (id) => `${id}/v/s.jpg`, readers: ["owner"] },
    { bucket: "sidecars", key: (id) => `${id}/v.json`, readers: ["owner"] },
    { bucket: "exports", key: (id) => `${id}/e.zip`, readers: ["owner"] },
    {
      bucket: "uploads",
      key: () => `organizations/${ids.organization}/v.mp4`,
      readers: ["member", "admin"],
    },
    { bucket: "exports", key: () => `organizations/${ids.organization}/e.zip`, readers: [] },
    { bucket: "receipts", key: (id) => `${id}/r.json`, readers: [] },
    { bucket: "receipts", key: () => "000000000001-r.json", readers: [] },
  ];

  beforeAll(async () => {
    for (const { bucket, key } of keys) {
      for (const owner of [people.owner, people.signedOut]) {
        await db.admin`insert into storage.objects (bucket_id, name) values (${bucket}, ${
          key(owner.id)
        })
          on conflict do nothing`;
      }
    }
  });

  test.each(keys)("$bucket $key is read by $readers only", async ({ bucket, key, readers }) => {
    for (const name of roles) {
      const seen = await asPerson(
        db.sql,
        people[name],
        (sql) =>
          sql`select from storage.objects where bucket_id = ${bucket} and name = ${
            key(people.owner.id)
          }`,
      );
      expect(seen.length, name).toBe(readers.includes(name) ? 1 : 0);
    }
  });

  test("a session that has ended does not read its own objects", async () => {
    const seen = await asPerson(
      db.sql,
      people.signedOut,
      (sql) => sql`select from storage.objects`,
    );
    expect(seen).toHaveLength(0);
  });

  test("no client writes, changes or deletes an object", async () => {
    const insert = asPerson(
      db.sql,
      people.owner,
      (sql) =>
        sql`insert into storage.objects (bucket_id, name) values ('uploads', ${`videos/${people.owner.id}/n.mp4`})`,
    );
    expect(await refusalOf(insert)).toMatchObject({ code: "42501" });
    const changed = await tryOut(
      people.owner,
      async (sql) => (await sql`update storage.objects set name = name || 'x'`).count,
    );
    expect(changed).toBe(0);
  });

  test("buckets of others keep their own rules", async () => {
    await db.admin`insert into storage.buckets (id, name) values ('avatars', 'avatars')`;
    await db.admin`insert into storage.objects (bucket_id, name) values ('avatars', 'a.jpg')`;
    await db
      .admin`create policy "avatars are read by all" on storage.objects for select to authenticated
      using (bucket_id = 'avatars')`;
    const seen = await asPerson(
      db.sql,
      people.signedOut,
      (sql) => sql`select bucket_id from storage.objects`,
    );
    expect(seen).toEqual([{ bucket_id: "avatars" }]);
  });
});

describe("policies on many rows", () => {
  beforeAll(async () => {
    await db.sql`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
      select gen_random_uuid(), 'k', 'video/mp4', 1 from generate_series(1, 2000)`;
    await db.sql`insert into public.scenes (video_id, start_s, end_s)
      select video_id, n, n + 1 from public.videos, generate_series(1, 5) n`;
    await db.admin`vacuum analyze public.videos, public.scenes`;
  });

  test.each(["videos", "scenes"])(
    "%s are found through an index, not read one by one",
    async (table) => {
      const [row] = await asPerson(
        db.sql,
        people.owner,
        (sql) => sql.unsafe(`explain (format json) select * from public.${table}`),
      );
      const plan = JSON.stringify(row);
      expect(plan).toContain("Bitmap Index Scan");
      expect(plan).not.toContain("Seq Scan");
    },
  );
});
