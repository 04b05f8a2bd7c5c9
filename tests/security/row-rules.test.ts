import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startDatabase,
  type TestDatabase,
  type Transaction,
} from "../migrations/support/database.ts";
import { addPerson, asPerson, type Person, refusalOf } from "../migrations/support/people.ts";

let db: TestDatabase;
let owner: Person;
let other: Person;
let signedOut: Person;

beforeAll(async () => {
  db = await startDatabase();
  [owner, other, signedOut] = await Promise.all([addPerson(db), addPerson(db), addPerson(db)]);
  await db.admin`delete from auth.sessions where id = ${signedOut.sessionId}`;
  const video = crypto.randomUUID();
  await db.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
    values (${video}, ${owner.id}, 'k', 'video/mp4', 1)`;
  await db.sql`insert into public.video_metadata (video_id, title) values (${video}, 'Old')`;
  await db.sql`insert into public.face_profiles (user_id, name) values (${owner.id}, 'Mia')`;
});
afterAll(() => db.stop());

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
    owner,
    (sql) => sql.unsafe(`update public.${table} set ${column} = ${value}`),
  );
  expect(await refusalOf(asked)).toMatchObject({ code: "HD000", message: "validation_failed" });
});

test("the largest values that fit, and null, are taken", async () => {
  const changed = await tryOut(owner, async (sql) => {
    await sql`update public.videos set language = 'zh-Hant-TW'`;
    await sql`update public.videos set language = null`;
    await sql`update public.face_profiles set name = repeat('x', 100)`;
    await sql`update public.video_metadata set title = null, description = null, tags = null`;
    return await sql`update public.video_metadata set title = repeat('x', 255),
      description = repeat('한', 5000), tags = to_jsonb(array_fill(repeat('x', 64), array[50]))`;
  });
  expect(changed.count).toBe(1);
});

test("a legacy value beyond the limits does not stand in the way of other columns", async () => {
  const video = crypto.randomUUID();
  await db.sql`insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes)
    values (${video}, ${other.id}, 'k', 'video/mp4', 1)`;
  await db.sql`insert into public.video_metadata (video_id, description, tags)
    values (${video}, repeat('x', 6000), '{"mood": "calm"}')`;
  const changed = await tryOut(
    other,
    (sql) => sql`update public.video_metadata set title = 'New' where video_id = ${video}`,
  );
  expect(changed.count).toBe(1);
  await db.sql`delete from public.videos where video_id = ${video}`;
});

test("buckets of others keep their own rules", async () => {
  await db.admin`insert into storage.buckets (id, name) values ('avatars', 'avatars')`;
  await db.admin`insert into storage.objects (bucket_id, name) values ('avatars', 'a.jpg')`;
  await db
    .admin`create policy "avatars are read by all" on storage.objects for select to authenticated
    using (bucket_id = 'avatars')`;
  const seen = await asPerson(
    db.sql,
    signedOut,
    (sql) => sql`select bucket_id from storage.objects`,
  );
  expect(seen).toEqual([{ bucket_id: "avatars" }]);
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
        owner,
        (sql) => sql.unsafe(`explain (format json) select * from public.${table}`),
      );
      const plan = JSON.stringify(row);
      expect(plan).toContain("Bitmap Index Scan");
      expect(plan).not.toContain("Seq Scan");
    },
  );
});
