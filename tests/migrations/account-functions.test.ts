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
    await call(ann, "record_consent('face', true, 'v1')");
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

  test("are hidden when their deletion begins, free their name and open one erasure", async () => {
    const { person_id } = await createPerson(ann, "Mia");
    const key = `faces/${ann.id}/${person_id}/photo_1.jpg`;
    await call(ann, "record_consent('face', true, 'v1')");
    await call(ann, "add_person_photo($1::uuid, $2)", person_id, key);
    await refused(call(bob, "begin_person_deletion($1::uuid)", person_id), "person_not_found");
    const begun = await call(ann, "begin_person_deletion($1::uuid)", person_id);
    expect(await call(ann, "begin_person_deletion($1::uuid)", person_id)).toEqual(begun);
    expect(await asPerson(db.sql, ann, (sql) => sql`select from public.face_profiles`))
      .toHaveLength(0);
    await refused(call(ann, "add_person_photo($1::uuid, $2)", person_id, key), "person_not_found");
    expect(await createPerson(ann, "Mia")).toMatchObject({ name: "Mia" });
    const jobs = await db.sql`
      select kind, user_id, origin, state from private.erasures where person_id = ${
      String(person_id)
    }`;
    expect([...jobs]).toEqual([
      { kind: "person", user_id: ann.id, origin: "person", state: "pending" },
    ]);
  });

  test("can be asked again while the erasure is not done, and are unknown once it is", async () => {
    const { person_id } = await createPerson(ann, "Mia");
    const id = String(person_id);
    const begun = await call(ann, "begin_person_deletion($1::uuid)", id);
    await db.sql`delete from public.face_profiles where person_id = ${id}`;
    expect(await call(ann, "begin_person_deletion($1::uuid)", id)).toEqual(begun);
    await refused(call(bob, "begin_person_deletion($1::uuid)", id), "person_not_found");
    await db.sql`update private.erasures set state = 'provisional' where person_id = ${id}`;
    await refused(call(ann, "begin_person_deletion($1::uuid)", id), "person_not_found");
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
  const require = (id: string | null) =>
    (async () => await db.sql`select private.require_deleted_user(${id})`)();

  test("refuses a user who still exists, and takes one who is gone or soft-deleted", async () => {
    await refused(require(null), "validation_failed");
    await refused(require(ann.id), "user_still_exists");
    await db.admin`update auth.users set deleted_at = now() where id = ${ann.id}`;
    await require(ann.id);
    await db.admin`delete from auth.users where id = ${bob.id}`;
    await require(bob.id);
  });

  test("ends a session of the user at the tombstone, also when a restore brings the user back", async () => {
    const subject = "0".repeat(64);
    await db
      .sql`insert into private.erased_users (subject, user_id) values (${subject}, ${ann.id})`;
    const [row] = await db.sql`select private.session_state(${ann.id}, ${ann.sessionId}) as state`;
    expect(row).toEqual({ state: "revoked" });
  });

  test("leaves the rows of a handed-over video to pages where the transaction says so", async () => {
    const [organization] = await db.sql`
      insert into public.organizations (name) values ('Studio') returning organization_id as id`;
    const videoId = crypto.randomUUID();
    await db.sql`
      insert into public.videos (video_id, user_id, organization_id, storage_key, mime_type, size_bytes)
      values (${videoId}, ${ann.id}, ${organization?.["id"]}, 'key', 'video/mp4', 1)`;
    await db.sql`insert into public.jobs (video_id, stage) values (${videoId}, 'commit')`;
    const owner = async () => {
      const [job] = await db.sql`select user_id from public.jobs where video_id = ${videoId}`;
      return job?.["user_id"];
    };
    await db.sql.begin(async (sql) => {
      await sql`select set_config('heimdex.owner_by_pages', 'on', true)`;
      await sql`update public.videos set user_id = null where video_id = ${videoId}`;
    });
    expect(await owner()).toBe(ann.id);
    await db.sql`update public.videos set user_id = ${ann.id} where video_id = ${videoId}`;
    await db.sql`update public.videos set user_id = null where video_id = ${videoId}`;
    expect(await owner()).toBeNull();
  });
});
