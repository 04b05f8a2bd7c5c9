import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Row, startDatabase, type TestDatabase } from "./support/database.ts";
import { addPerson, asPerson, type Person, refusalOf } from "./support/people.ts";

let db: TestDatabase;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  db = await startDatabase();
  // Where pgvector is, the column is a vector; what the functions do with it does not differ.
  await db.sql`
    create table if not exists public.face_vectors (
      person_id uuid primary key references public.face_profiles (person_id) on delete cascade,
      adaface_vec text)`;
});
beforeEach(async () => {
  ann = await addPerson(db);
  bob = await addPerson(db);
});
afterAll(() => db.stop());

function call(who: Person, routine: string, ...values: unknown[]): Promise<Row[]> {
  return asPerson(db.sql, who, async (sql) => [
    ...await sql.unsafe(`select * from private.${routine}`, values as string[]),
  ]);
}

async function refused(work: Promise<unknown>, code: string) {
  expect(await refusalOf(work)).toMatchObject({ code: "HD000", message: code });
}

async function createPerson(who: Person, name: string): Promise<string> {
  const [row] = await call(who, "create_person($1)", name);
  return String(row?.person_id);
}

const consent = (who: Person, given: boolean) =>
  call(who, "record_consent('face', $1::boolean, 'v1')", given);

const setVector = (personId: string, text: string) =>
  db.sql`select private.set_face_vector(${personId}, ${text})`;

async function vectorOf(personId: string): Promise<unknown> {
  const [row] = await db.sql`
    select adaface_vec from public.face_vectors where person_id = ${personId}`;
  return row?.adaface_vec;
}

describe("a face vector", () => {
  test("needs a consent, is replaced, and goes with the consent", async () => {
    const [mia, tom] = [await createPerson(ann, "Mia"), await createPerson(bob, "Tom")];
    await refused(setVector(mia, "[1]"), "consent_required");
    await Promise.all([consent(ann, true), consent(bob, true)]);
    for (const text of ["[1]", "[2]"]) await setVector(mia, text);
    await setVector(tom, "[3]");
    expect(await vectorOf(mia)).toBe("[2]");
    await consent(ann, false);
    expect(await vectorOf(mia)).toBeUndefined();
    expect(await vectorOf(tom)).toBe("[3]");
    await refused(setVector(mia, "[1]"), "consent_required");
  });

  test("moves in a merge when the other has none, and stays out otherwise", async () => {
    await consent(ann, true);
    const [one, two, three] = [
      await createPerson(ann, "One"),
      await createPerson(ann, "Two"),
      await createPerson(ann, "Three"),
    ];
    await setVector(one, "[1]");
    await setVector(three, "[3]");
    await call(ann, "merge_people($1::uuid, $2::uuid)", one, two);
    expect([await vectorOf(one), await vectorOf(two)]).toEqual([undefined, "[1]"]);
    await call(ann, "merge_people($1::uuid, $2::uuid)", two, three);
    expect([await vectorOf(two), await vectorOf(three)]).toEqual([undefined, "[3]"]);
  });
});

test("a withdrawal that meets a merge takes the vector, whichever person has it", async () => {
  await consent(ann, true);
  const [one, two] = [await createPerson(ann, "One"), await createPerson(ann, "Two")];
  await setVector(one, "[1]");
  const { promise: merged, resolve: tellMerged } = Promise.withResolvers<void>();
  const merge = asPerson(db.sql, ann, async (sql) => {
    await sql`select private.merge_people(${one}::uuid, ${two}::uuid)`;
    tellMerged();
    await sql`select pg_sleep(0.5)`;
  });
  await merged;
  await Promise.all([merge, consent(ann, false)]);
  expect([await vectorOf(one), await vectorOf(two)]).toEqual([undefined, undefined]);
});

test("scenes that arrive while two people become one wait for it", async () => {
  const [one, two] = [await createPerson(ann, "One"), await createPerson(ann, "Two")];
  const { videoId, put } = await beginScenes();
  await put(1, null, [{ person_id: one, confidence: 0.5, frame_count: 4 }]);
  const { promise: merged, resolve: tellMerged } = Promise.withResolvers<void>();
  const merge = asPerson(db.sql, ann, async (sql) => {
    await sql`select private.merge_people(${one}::uuid, ${two}::uuid)`;
    tellMerged();
    await sql`select pg_sleep(0.5)`;
  });
  await merged;
  await Promise.all([merge, put(2, 2, [])]);
  const links = await db.sql`
    select p.person_id from public.scene_people as p
    inner join public.scenes as s on s.scene_id = p.scene_id where s.video_id = ${videoId}`;
  expect([...links]).toEqual([{ person_id: two }]);
});

async function beginScenes() {
  const videoId = crypto.randomUUID();
  await db.sql`
    insert into public.videos (video_id, user_id, storage_key, mime_type, size_bytes, state)
    values (${videoId}, ${ann.id}, 'k', 'video/mp4', 1, 'validating')`;
  await db.sql`insert into public.jobs (video_id, stage) values (${videoId}, 'commit')`;
  const [job] = await db.sql`
    select lease_id from private.claim_job(array['commit'], 300, null)`;
  const revision = crypto.randomUUID();
  const put = (part: number, parts: number | null, people: Row[]) =>
    db.sql`select * from private.put_scenes(${videoId}, ${
      String(job?.lease_id)
    }, ${revision}, ${part},
      ${parts}, ${JSON.stringify([{ start_s: part, end_s: part + 1, people }])}::text::jsonb)`;
  return { videoId, put };
}

test("scenes that a worker sends for a merged person count for the other, once each", async () => {
  const [one, two] = [await createPerson(ann, "One"), await createPerson(ann, "Two")];
  const { videoId, put } = await beginScenes();
  const seen = (person_id: string, confidence: number) => ({
    person_id,
    confidence,
    frame_count: 4,
  });
  await put(1, null, [seen(one, 0.3), seen(two, 0.7)]);
  await call(ann, "merge_people($1::uuid, $2::uuid)", one, two);
  await put(2, 2, [seen(one, 0.5)]);
  const links = await db.sql`
    select p.person_id, p.confidence, p.frame_count
    from public.scene_people as p inner join public.scenes as s on s.scene_id = p.scene_id
    where s.video_id = ${videoId} order by s.start_s`;
  expect([...links]).toEqual([
    { person_id: two, confidence: 0.7, frame_count: 8 },
    { person_id: two, confidence: 0.5, frame_count: 4 },
  ]);
});

describe("private.update_video", () => {
  test("holds the limits of the columns and takes nothing else", async () => {
    const [video] = await call(
      ann,
      "create_video($1::text::jsonb, '{\"free\": 3}')",
      JSON.stringify({ filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1 }),
    );
    const update = (changes: Row) =>
      call(
        ann,
        "update_video($1::uuid, $2::text::jsonb)",
        String(video?.video_id),
        JSON.stringify(changes),
      );
    await refused(update({ description: "x".repeat(5001) }), "validation_failed");
    await refused(update({ tags: [1] }), "validation_failed");
    await refused(update({ language: "no tag" }), "validation_failed");
    await update({ title: "Titled", state: "indexed", tags: null });
    const [row] = await db.sql`
      select v.state, m.title, m.tags from public.videos as v
      inner join public.video_metadata as m on m.video_id = v.video_id
      where v.video_id = ${String(video?.video_id)}`;
    expect(row).toEqual({ state: "uploading", title: "Titled", tags: [] });
  });
});
