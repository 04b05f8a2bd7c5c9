import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Row, startDatabase, type TestDatabase } from "./support/database.ts";
import { addPerson, asPerson, type Person, refusalOf, within } from "./support/people.ts";

const limits = { free: 3, pro: 5, enterprise: null };

let db: TestDatabase;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  db = await startDatabase();
});
beforeEach(async () => {
  ann = await addPerson(db);
  bob = await addPerson(db);
});
afterAll(() => db.stop());

function create(who: Person, fields: Row = {}, uploadLimits: Row = limits): Promise<Row> {
  const video = JSON.stringify({
    filename: "clip.mp4",
    mime_type: "video/mp4",
    size_bytes: 1000,
    title: "Clip",
    tags: ["sea"],
    ...fields,
  });
  return one(who, "create_video($1::text::jsonb, $2::text::jsonb)", [
    video,
    JSON.stringify(uploadLimits),
  ]);
}

async function one(who: Person, routine: string, values: unknown[]): Promise<Row> {
  const [row] = await many(who, routine, values);
  if (!row) throw new Error(`${routine} answered no row`);
  return row;
}

function many(who: Person, routine: string, values: unknown[]): Promise<Row[]> {
  return asPerson(db.sql, who, async (sql) => [
    ...await sql.unsafe(`select * from private.${routine}`, values.map(String)),
  ]);
}

async function refused(work: Promise<unknown>, code: string) {
  const refusal = await refusalOf(work);
  expect(refusal).toMatchObject({ code: "HD000", message: code });
  expect(refusal.detail).toMatch(/^[A-Z].*[^.]$/);
}

const setCaptions = (who: Person, video: unknown, scenes: unknown) =>
  one(who, "set_captions($1::uuid, $2::text::jsonb, 'en')", [video, JSON.stringify(scenes)]);
const complete = (who: Person, video: unknown) => one(who, "complete_upload($1::uuid)", [video]);

describe("private.create_video", () => {
  test("creates nothing when the limits or the user are missing", async () => {
    await refused(create(ann, {}, {}), "validation_failed");
    await refused(create(ann, {}, { pro: 5 }), "validation_failed");
    await db.admin`delete from auth.users where id = ${bob.id}`;
    await refused(create(bob), "session_revoked");
    expect(await db.sql`select from public.videos where user_id in ${db.sql([ann.id, bob.id])}`)
      .toHaveLength(0);
  });

  test("writes the video and its metadata for the caller", async () => {
    const video = await create(ann, { language: "en", description: "Waves" });
    expect(video).toMatchObject({
      user_id: ann.id,
      state: "uploading",
      storage_key: `videos/${ann.id}/${video.video_id}.mp4`,
      filename: "clip.mp4",
      language: "en",
    });
    const [metadata] = await db.sql`
      select user_id, title, description, tags from public.video_metadata where video_id = ${
      String(video.video_id)
    }`;
    expect(metadata).toEqual({
      user_id: ann.id,
      title: "Clip",
      description: "Waves",
      tags: ["sea"],
    });
  });

  test.each([
    ["video/mp4", "mp4"],
    ["video/quicktime", "mov"],
    ["video/x-msvideo", "avi"],
    ["video/x-matroska", "mkv"],
    ["video/webm", "webm"],
  ])("gives %s the extension %s", async (mime_type, extension) => {
    const { storage_key } = await create(ann, { mime_type });
    expect(storage_key).toMatch(new RegExp(`\\.${extension}$`));
  });

  test.each([
    { mime_type: "image/png" },
    { mime_type: null },
    { size_bytes: 0 },
    { size_bytes: 1_073_741_825 },
    { size_bytes: null },
  ])("refuses %j", async (fields) => {
    await refused(create(ann, fields), "validation_failed");
  });

  test("takes the id the caller signed an upload for", async () => {
    const video_id = crypto.randomUUID();
    expect(await create(ann, { video_id })).toMatchObject({
      video_id,
      storage_key: `videos/${ann.id}/${video_id}.mp4`,
    });
  });

  test("ignores an owner, a state and a key in the request", async () => {
    const video = await create(ann, { user_id: bob.id, state: "indexed", storage_key: "x" });
    expect(video).toMatchObject({ user_id: ann.id, state: "uploading" });
    expect(video.storage_key).not.toBe("x");
  });

  test("answers the same key and request with the same video and takes nothing from the quota", async () => {
    const first = await create(ann, { idempotency_key: "k1" });
    for (const video_id of [undefined, crypto.randomUUID()]) {
      expect(await create(ann, { idempotency_key: "k1", video_id })).toEqual(first);
    }
    expect((await one(ann, "read_upload_usage()", [])).read_upload_usage).toMatchObject({
      used: 1,
    });
  });

  test("refuses the same key with another request, or after the video was deleted", async () => {
    const video = await create(ann, { idempotency_key: "k1" });
    await refused(create(ann, { idempotency_key: "k1", size_bytes: 2 }), "idempotency_conflict");
    await many(ann, "begin_video_deletion($1::uuid)", [video.video_id]);
    await refused(create(ann, { idempotency_key: "k1" }), "idempotency_conflict");
  });

  test("lets two users use the same key", async () => {
    const first = await create(ann, { idempotency_key: "k1" });
    expect((await create(bob, { idempotency_key: "k1" })).video_id).not.toBe(first.video_id);
  });

  test("makes one video of eight calls at once with the same key", async () => {
    const videos = await Promise.all(
      Array.from({ length: 8 }, () => create(ann, { idempotency_key: "k1" })),
    );
    expect(new Set(videos.map(({ video_id }) => video_id)).size).toBe(1);
  });

  test("lets exactly the quota through when ten calls come at once", async () => {
    const calls = await Promise.allSettled(Array.from({ length: 10 }, () => create(ann)));
    expect(calls.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    await refused(create(ann), "upload_quota_exceeded");
    const [row] = await db.sql`select count(*) as n from public.videos where user_id = ${ann.id}`;
    expect(row).toEqual({ n: 3 });
  });

  test("says when the quota resets, and counts each day anew", async () => {
    for (let n = 0; n < 3; n++) await create(ann);
    const { detail } = await refusalOf(create(ann));
    expect(detail).toMatch(/\d{4}-\d\d-\d\dT00:00:00Z$/);
    await db.sql`update public.rate_limits set window_start = window_start - interval '1 day'`;
    expect(await create(ann)).toMatchObject({ state: "uploading" });
  });

  test("gives nothing back when a video is deleted", async () => {
    for (let n = 0; n < 3; n++) {
      const { video_id } = await create(ann);
      await many(ann, "begin_video_deletion($1::uuid)", [video_id]);
      await many(ann, "finish_video_deletion($1::uuid)", [video_id]);
    }
    await refused(create(ann), "upload_quota_exceeded");
  });

  test.each([["pro", 5], ["enterprise", 8], ["unknown", 3]])(
    "reads tier %s from auth.users",
    async (tier, expected) => {
      const user = await addPerson(db, {
        appMetadata: { tier },
        userMetadata: { tier: "enterprise" },
      });
      const calls = [];
      for (let n = 0; n < 8; n++) calls.push(await create(user).then(() => true, () => false));
      expect(calls.filter(Boolean)).toHaveLength(expected);
    },
  );

  test("takes an organisation only from its members", async () => {
    const [organization] = await db.sql`
      insert into public.organizations (name) values ('Studio') returning organization_id`;
    const organization_id = organization?.organization_id;
    await refused(create(ann, { organization_id }), "organization_not_found");
    await db
      .sql`insert into public.organization_members (organization_id, user_id) values (${organization_id}, ${ann.id})`;
    expect(await create(ann, { organization_id })).toMatchObject({ organization_id });
  });

  test("needs a signed-in user", async () => {
    await refused(
      within(db.sql, "authenticated", {}, (sql) => sql`select private.create_video('{}', '{}')`),
      "token_missing",
    );
  });
});

describe("private.complete_upload", () => {
  test("queues the first job and may be called again", async () => {
    const { video_id } = await create(ann);
    const video = await complete(ann, video_id);
    expect(video.state).toBe("validating");
    expect(await complete(ann, video_id)).toEqual(video);
    const jobs = await db.sql`select stage, state, user_id from public.jobs where video_id = ${
      String(video_id)
    }`;
    expect(jobs).toEqual([{ stage: "upload_validate", state: "pending", user_id: ann.id }]);
  });

  test("queues one job when four calls come at once", async () => {
    const { video_id } = await create(ann);
    await Promise.all([1, 2, 3, 4].map(() => complete(ann, video_id)));
    expect(await db.sql`select from public.jobs where video_id = ${String(video_id)}`).toHaveLength(
      1,
    );
  });

  test("refuses a failed video and hides those of others", async () => {
    const { video_id } = await create(ann);
    await refused(complete(bob, video_id), "video_not_found");
    await refused(complete(ann, crypto.randomUUID()), "video_not_found");
    await db.sql`update public.videos set state = 'failed' where video_id = ${String(video_id)}`;
    await refused(complete(ann, video_id), "video_state_conflict");
  });
});

describe("private.set_captions", () => {
  const scenes = [
    { start_s: 0, end_s: 1.5, text: "hello sea" },
    { start_s: 1.5, end_s: 3, text: "안녕 바다" },
  ];

  test("makes scenes of captions and marks the video as indexed", async () => {
    const { video_id } = await create(ann);
    await complete(ann, video_id);
    const video = await setCaptions(ann, video_id, scenes);
    expect(video).toMatchObject({ state: "indexed", language: "en" });
    expect(video.indexed_at).toBeInstanceOf(Date);
    const rows = await db.sql`
      select transcript, user_id, language, words @@ to_tsquery('simple', 'sea | 바다') as found
      from public.scenes where video_id = ${String(video_id)} order by start_s`;
    expect(rows).toEqual(scenes.map(({ text }) => ({
      transcript: text,
      user_id: ann.id,
      language: "en",
      found: true,
    })));
  });

  test("replaces what was there, and keeps it when the new captions are wrong", async () => {
    const { video_id } = await create(ann);
    await complete(ann, video_id);
    await setCaptions(ann, video_id, scenes);
    await setCaptions(ann, video_id, [{ start_s: 0, end_s: 1, text: "new" }]);
    await refused(
      setCaptions(ann, video_id, [...scenes, { start_s: 2, end_s: 2, text: "x" }]),
      "captions_invalid",
    );
    const rows = await db.sql`select transcript from public.scenes where video_id = ${
      String(video_id)
    }`;
    expect(rows).toEqual([{ transcript: "new" }]);
  });

  test.each([
    ["no list", {}],
    ["a negative start", [{ start_s: -1, end_s: 1, text: "x" }]],
    ["an end before the start", [{ start_s: 2, end_s: 1, text: "x" }]],
    ["no end", [{ start_s: 2, text: "x" }]],
    ["an empty text", [{ start_s: 0, end_s: 1, text: " " }]],
    ["a time beyond the column", [{ start_s: 0, end_s: 10_000_000, text: "x" }]],
    [
      "too many cues",
      Array.from({ length: 20_001 }, (_, n) => ({ start_s: n, end_s: n + 1, text: "x" })),
    ],
  ])("refuses %s", async (_, captions) => {
    const { video_id } = await create(ann);
    await complete(ann, video_id);
    await refused(setCaptions(ann, video_id, captions), "captions_invalid");
  });

  test("waits for the upload and hides videos of others", async () => {
    const { video_id } = await create(ann);
    await refused(setCaptions(ann, video_id, scenes), "video_state_conflict");
    await refused(setCaptions(bob, video_id, scenes), "video_not_found");
  });
});

describe("deleting a video", () => {
  test("hides it, cancels its jobs and lists its objects, again and again until it is finished", async () => {
    const { video_id, storage_key } = await create(ann);
    await complete(ann, video_id);
    await setCaptions(ann, video_id, [{ start_s: 0, end_s: 1, text: "x" }]);
    const thumbnail = `${ann.id}/${video_id}/s.jpg`;
    const late = `${ann.id}/${video_id}/late.jpg`;
    await db.sql`update public.scenes set thumbnail_key = ${thumbnail} where video_id = ${
      String(video_id)
    }`;
    await db.admin`insert into storage.objects (bucket_id, name) values ('thumbnails', ${late})`;
    const expected = [
      { bucket: "sidecars", key: `${ann.id}/${video_id}.json` },
      { bucket: "thumbnails", key: late },
      { bucket: "thumbnails", key: thumbnail },
      { bucket: "uploads", key: storage_key },
    ];
    for (let call = 0; call < 2; call++) {
      const keys = await many(ann, "begin_video_deletion($1::uuid) order by bucket, key", [
        video_id,
      ]);
      expect(keys).toHaveLength(expected.length);
      expect(keys).toEqual(expect.arrayContaining(expected));
    }
    const seen = await asPerson(db.sql, ann, (sql) => sql`select from public.videos`);
    expect(seen).toHaveLength(0);
    const jobs = await db.sql`select state from public.jobs where video_id = ${String(video_id)}`;
    expect(jobs).toEqual([{ state: "cancelled" }]);
    await refused(setCaptions(ann, video_id, []), "video_state_conflict");

    expect(await one(ann, "finish_video_deletion($1::uuid)", [video_id])).toEqual({
      finish_video_deletion: true,
    });
    expect(await one(ann, "finish_video_deletion($1::uuid)", [video_id])).toEqual({
      finish_video_deletion: false,
    });
    for (const table of ["videos", "scenes", "jobs", "video_metadata"]) {
      expect(
        await db.sql`select from public.${db.sql(table)} where video_id = ${String(video_id)}`,
        table,
      )
        .toHaveLength(0);
    }
  });

  test("is not finished before it has begun, and never by others", async () => {
    const { video_id } = await create(ann);
    await refused(one(ann, "finish_video_deletion($1::uuid)", [video_id]), "video_state_conflict");
    await refused(many(bob, "begin_video_deletion($1::uuid)", [video_id]), "video_not_found");
    expect(await one(bob, "finish_video_deletion($1::uuid)", [video_id])).toEqual({
      finish_video_deletion: false,
    });
  });

  test("is allowed to an admin of the organisation and not to a member", async () => {
    const [organization] = await db.sql`
      insert into public.organizations (name) values ('Studio') returning organization_id`;
    const organization_id = organization?.organization_id;
    const admin = await addPerson(db);
    await db.sql`insert into public.organization_members (organization_id, user_id, role) values
      (${organization_id}, ${ann.id}, 'member'), (${organization_id}, ${bob.id}, 'member'),
      (${organization_id}, ${admin.id}, 'admin')`;
    const { video_id } = await create(ann, { organization_id });
    await refused(many(bob, "begin_video_deletion($1::uuid)", [video_id]), "video_not_found");
    expect(await many(admin, "begin_video_deletion($1::uuid)", [video_id])).not.toHaveLength(0);
  });
});

describe("owner columns", () => {
  test("follow the video and cannot be set by a writer", async () => {
    const { video_id } = await create(ann);
    await complete(ann, video_id);
    await setCaptions(ann, video_id, [{ start_s: 0, end_s: 1, text: "x" }]);
    await db.sql`
      insert into public.face_profiles (user_id, name) values (${ann.id}, 'Mia')`;
    await db.sql`
      insert into public.scene_people (scene_id, person_id, confidence, frame_count, user_id)
      select scene_id, person_id, 1, 1, ${bob.id} from public.scenes s, public.face_profiles p
      where s.user_id = ${ann.id} and p.user_id = ${ann.id}`;
    await db.sql`update public.scenes set user_id = ${bob.id} where video_id = ${String(video_id)}`;
    expect(await owners(video_id)).toEqual([ann.id]);
    await db.sql`update public.videos set user_id = ${bob.id} where video_id = ${String(video_id)}`;
    expect(await owners(video_id)).toEqual([bob.id]);
  });

  async function owners(video: unknown) {
    const rows = await db.sql`
      select user_id from public.video_metadata where video_id = ${String(video)}
      union select user_id from public.scenes where video_id = ${String(video)}
      union select user_id from public.jobs where video_id = ${String(video)}
      union select p.user_id from public.scene_people p join public.scenes s using (scene_id)
      where s.video_id = ${String(video)}`;
    return rows.map(({ user_id }) => user_id);
  }
});
