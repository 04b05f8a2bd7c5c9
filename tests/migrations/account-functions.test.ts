import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Row, startDatabase, type TestDatabase } from "./support/database.ts";
import { addPerson, asPerson, type Person, refusalOf } from "./support/people.ts";

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

function call(who: Person, routine: string, ...values: unknown[]): Promise<Row[]> {
  return asPerson(db.sql, who, async (sql) => [
    ...await sql.unsafe(`select * from private.${routine}`, values as string[]),
  ]);
}

async function createPerson(who: Person, name: string): Promise<Row> {
  const [row] = await call(who, "create_person($1)", name);
  return row ?? {};
}

async function refused(work: Promise<unknown>, code: string) {
  expect(await refusalOf(work)).toMatchObject({ code: "HD000", message: code });
}

describe("people", () => {
  test("are named once for each user", async () => {
    expect(await createPerson(ann, "  Mia ")).toMatchObject({ user_id: ann.id, name: "Mia" });
    await refused(createPerson(ann, "Mia"), "person_exists");
    expect(await createPerson(bob, "Mia")).toMatchObject({ user_id: bob.id });
  });

  test.each([["", "nothing"], ["   ", "spaces"], ["x".repeat(101), "101 characters"]])(
    "are not named %j (%s)",
    async (name) => {
      await refused(createPerson(ann, name), "validation_failed");
    },
  );

  test("take a photo of their own folder, once", async () => {
    const { person_id } = await createPerson(ann, "Mia");
    const key = `faces/${ann.id}/${person_id}/photo_1.jpg`;
    for (let n = 0; n < 2; n++) {
      expect(await call(ann, "add_person_photo($1::uuid, $2)", person_id, key))
        .toMatchObject([{ photo_keys: [key] }]);
    }
    for (
      const foreign of [
        `faces/${bob.id}/${person_id}/photo_1.jpg`,
        `faces/${ann.id}/${crypto.randomUUID()}/photo_1.jpg`,
        "videos/x",
        null,
      ]
    ) {
      await refused(
        call(ann, "add_person_photo($1::uuid, $2)", person_id, foreign),
        "validation_failed",
      );
    }
    await refused(call(bob, "add_person_photo($1::uuid, $2)", person_id, key), "person_not_found");
  });

  test("are hidden when their deletion begins, listed until it is finished, and free their name", async () => {
    const { person_id } = await createPerson(ann, "Mia");
    const kept = `faces/${ann.id}/${person_id}/photo_1.jpg`;
    const never = `faces/${ann.id}/${person_id}/photo_2.jpg`;
    await call(ann, "add_person_photo($1::uuid, $2)", person_id, kept);
    await db.admin`insert into storage.objects (bucket_id, name) values ('uploads', ${never})`;
    await refused(call(bob, "begin_person_deletion($1::uuid)", person_id), "person_not_found");
    expect(await call(ann, "finish_person_deletion($1::uuid)", person_id))
      .toEqual([{ finish_person_deletion: false }]);
    for (let n = 0; n < 2; n++) {
      expect(await call(ann, "begin_person_deletion($1::uuid) order by key", person_id))
        .toEqual([{ bucket: "uploads", key: kept }, { bucket: "uploads", key: never }]);
    }
    expect(await asPerson(db.sql, ann, (sql) => sql`select from public.face_profiles`))
      .toHaveLength(0);
    await refused(call(ann, "add_person_photo($1::uuid, $2)", person_id, kept), "person_not_found");
    expect(await createPerson(ann, "Mia")).toMatchObject({ name: "Mia" });
    expect(await call(ann, "finish_person_deletion($1::uuid)", person_id))
      .toEqual([{ finish_person_deletion: true }]);
    expect(await call(ann, "finish_person_deletion($1::uuid)", person_id))
      .toEqual([{ finish_person_deletion: false }]);
  });
});

describe("private.record_consent", () => {
  const record = (who: Person, kind: string | null, granted: boolean | null, version: string) =>
    call(who, "record_consent($1, $2::boolean, $3)", kind, granted, version);

  test("appends grants and withdrawals and does not repeat what already holds", async () => {
    await record(ann, "email", true, "2026-01");
    await record(ann, "email", true, "2026-01");
    await record(ann, "email", true, "2026-02");
    await record(ann, "face", true, "2026-02");
    await record(ann, "email", false, "2026-02");
    const rows = await db.sql`
      select kind, text_version, granted_at is not null as granted, withdrawn_at is not null as withdrawn
      from public.consents where user_id = ${ann.id} order by consent_id`;
    expect(rows).toEqual([
      { kind: "email", text_version: "2026-01", granted: true, withdrawn: false },
      { kind: "email", text_version: "2026-02", granted: true, withdrawn: false },
      { kind: "face", text_version: "2026-02", granted: true, withdrawn: false },
      { kind: "email", text_version: "2026-02", granted: false, withdrawn: true },
    ]);
  });

  test("writes one row when four calls come at once", async () => {
    await Promise.all([1, 2, 3, 4].map(() => record(ann, "email", true, "1")));
    expect(await db.sql`select from public.consents where user_id = ${ann.id}`).toHaveLength(1);
  });

  test.each([["sms", true, "1"], [null, true, "1"], ["email", null, "1"], ["email", true, ""]])(
    "refuses %j",
    async (kind, granted, version) => {
      await refused(record(ann, kind, granted, version), "validation_failed");
    },
  );

  test("cannot be changed, not even by the server", async () => {
    await record(ann, "email", true, "1");
    await refused(
      (async () => await db.sql`update public.consents set text_version = '2'`)(),
      "forbidden",
    );
  });
});

describe("erasure", () => {
  const clean = {
    videos: 0,
    video_metadata: 0,
    scenes: 0,
    jobs: 0,
    scene_people: 0,
    face_profiles: 0,
    audit_events: 0,
    rate_limits: 0,
    user_analytics: 0,
    consents: 0,
    organization_members: 0,
  };

  async function addVideo({ id }: Person, organization: string | null = null): Promise<string> {
    const video = crypto.randomUUID();
    await db
      .sql`insert into public.videos (video_id, user_id, organization_id, storage_key, mime_type, size_bytes)
      values (${video}, ${id}, ${organization}, ${`videos/${id}/${video}.mp4`}, 'video/mp4', 1)`;
    await db.sql`insert into public.video_metadata (video_id, title) values (${video}, 'x')`;
    await db.sql`insert into public.jobs (video_id, stage) values (${video}, 'commit')`;
    await db.sql`insert into public.scenes (video_id, start_s, end_s, thumbnail_key)
      values (${video}, 0, 1, ${`${id}/${video}/s.jpg`})`;
    return video;
  }

  async function addEverything(who: Person) {
    const video = await addVideo(who);
    const { person_id } = await createPerson(who, "Mia");
    await db.sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
      select scene_id, ${String(person_id)}, 1, 1 from public.scenes where video_id = ${video}`;
    await db.sql`insert into public.audit_events (user_id, event_type, ip_address)
      values (${who.id}, 'login', '192.0.2.1')`;
    await db
      .sql`insert into public.user_analytics (user_id, event_type) values (${who.id}, 'login')`;
    await db.sql`insert into public.rate_limits (user_id, resource, window_start, expires_at)
      values (${who.id}, 'search', now(), now())`;
    await call(who, "record_consent('face', true, '1')");
    return { video, person: String(person_id) };
  }

  const put = (bucket: string, name: string, owner: string | null = null) =>
    db.admin`insert into storage.objects (bucket_id, name, owner_id) values (${bucket}, ${name}, ${owner})`;
  const keysOf = async ({ id }: Person) =>
    (await db.sql`select bucket || ' ' || key as name from private.user_object_keys(${id})`)
      .map(({ name }) => name);
  const removeUser = ({ id }: Person) => db.admin`delete from auth.users where id = ${id}`;

  test("refuses a user who still exists, and takes one who is gone or soft-deleted", async () => {
    for (const routine of ["begin_erasure", "erase_user_rows", "finish_erasure"]) {
      await refused(
        (async () => await db.sql.unsafe(`select private.${routine}('${ann.id}')`))(),
        "user_still_exists",
      );
    }
    await db.admin`update auth.users set deleted_at = now() where id = ${ann.id}`;
    expect(await db.sql`select (private.begin_erasure(${ann.id})).user_id`)
      .toEqual([{ user_id: ann.id }]);
    await removeUser(bob);
    expect(await db.sql`select (private.begin_erasure(${bob.id})).state`).toEqual([{
      state: "running",
    }]);
  });

  test("erases every row of the user and none of others, and may run again", async () => {
    await addEverything(ann);
    await addEverything(bob);
    const [others] = await db.sql`select private.count_user_rows(${bob.id}) as counts`;
    await removeUser(ann);
    const [begun] = await db.sql`select * from private.begin_erasure(${ann.id})`;
    expect(begun?.counts_before).toEqual({
      ...Object.fromEntries(Object.keys(clean).map((table) => [table, 1])),
      organization_members: 0,
    });
    expect(await db.sql`select * from private.begin_erasure(${ann.id})`).toEqual([begun]);

    const [early] = await db.sql`select state from private.finish_erasure(${ann.id})`;
    expect(early).toEqual({ state: "running" });
    const [erased] = await db.sql`select private.erase_user_rows(${ann.id}) as counts`;
    expect(erased?.counts).toEqual({ ...begun?.counts_before, organization_videos: 0 });
    const [again] = await db.sql`select private.erase_user_rows(${ann.id}) as counts`;
    expect(again?.counts).toEqual({ ...clean, organization_videos: 0 });

    const [done] = await db.sql`select * from private.finish_erasure(${ann.id})`;
    expect(done).toMatchObject({ state: "completed", counts_after: clean });
    const [left] = await db.sql`select private.count_user_rows(${bob.id}) as counts`;
    expect(left).toEqual(others);
    const [audit] = await db.sql`
      select count(*) as n from public.audit_events where user_id is null and ip_address is null`;
    expect(audit?.n).toBeGreaterThan(0);
  });

  test("ends a session of the user at the tombstone", async () => {
    await db.admin`update auth.users set deleted_at = now() where id = ${ann.id}`;
    await db.sql`select private.begin_erasure(${ann.id})`;
    await db.admin`update auth.users set deleted_at = null where id = ${ann.id}`;
    const [row] = await db.sql`select private.session_state(${ann.id}, ${ann.sessionId}) as state`;
    expect(row).toEqual({ state: "revoked" });
  });

  test("lists objects by recorded key, prefix and owner, each once and only while they are there", async () => {
    const { video, person } = await addEverything(ann);
    await addVideo(ann);
    await put("uploads", `videos/${ann.id}/${video}.mp4`, ann.id);
    await put("uploads", `videos/${ann.id}/never-completed.mp4`);
    await put("uploads", `faces/${ann.id}/${person}/photo_1.jpg`);
    await put("uploads", `odd/place.mp4`, ann.id);
    await put("thumbnails", `${ann.id}/${video}/s.jpg`);
    await put("sidecars", `${ann.id}/${video}.json`);
    await put("exports", `${ann.id}/export.zip`);
    await put("uploads", `videos/${bob.id}/other.mp4`, bob.id);
    await db
      .sql`update public.scenes set sidecar_key = 'legacy/key.json' where video_id = ${video}`;
    await put("sidecars", "legacy/key.json");
    expect((await keysOf(ann)).sort()).toEqual([
      `exports ${ann.id}/export.zip`,
      `sidecars ${ann.id}/${video}.json`,
      "sidecars legacy/key.json",
      `thumbnails ${ann.id}/${video}/s.jpg`,
      `uploads faces/${ann.id}/${person}/photo_1.jpg`,
      "uploads odd/place.mp4",
      `uploads videos/${ann.id}/${video}.mp4`,
      `uploads videos/${ann.id}/never-completed.mp4`,
    ].sort());
    await db.admin.begin(async (sql) => {
      // As the Storage API does it; a plain delete by SQL is refused.
      await sql`select set_config('storage.allow_delete_query', 'true', true)`;
      await sql`delete from storage.objects where not starts_with(name, ${`videos/${bob.id}`})`;
    });
    expect(await keysOf(ann)).toEqual([]);
  });

  test("leaves a video of an organisation with its objects to the organisation", async () => {
    const [organization] = await db.sql`
      insert into public.organizations (name) values ('Studio') returning organization_id`;
    const id = organization?.organization_id;
    await db
      .sql`insert into public.organization_members (organization_id, user_id) values (${id}, ${ann.id})`;
    const video = await addVideo(ann, id);
    await put("uploads", `videos/${ann.id}/${video}.mp4`);
    await put("thumbnails", `${ann.id}/${video}/s.jpg`);
    await removeUser(ann);
    expect(await keysOf(ann)).toEqual([]);
    await db.sql`select private.begin_erasure(${ann.id})`;
    const [erased] = await db.sql`select private.erase_user_rows(${ann.id}) as counts`;
    expect(erased?.counts).toMatchObject({ organization_videos: 1, organization_members: 1 });
    expect(await keysOf(ann)).toEqual([]);
    const rows = await db.sql`
      select v.user_id, s.user_id as scene_user, s.organization_id from public.videos v
      join public.scenes s using (video_id) where v.video_id = ${video}`;
    expect(rows).toEqual([{ user_id: null, scene_user: null, organization_id: id }]);
  });

  test("counts every public table that names a user", async () => {
    const tables = await db.sql`
      select table_name from information_schema.columns
      where table_schema = 'public' and column_name = 'user_id' order by 1`;
    expect(tables.map(({ table_name }) => table_name)).toEqual(Object.keys(clean).sort());
  });
});
