import { describe, expect, it } from "vitest";
import type { Decision } from "../../../shared/legacy/decisions.ts";
import { exportUsers } from "../../../shared/legacy/export/export-users.ts";
import { verifyMove, type VerifyOptions } from "../../../shared/legacy/verify/verify.ts";
import { writeLegacyRows } from "../../../cli/legacy/sample/write.ts";
import { hashes, useExportWorld } from "./support/export-world.ts";

const own = useExportWorld();

const runExport = (decisions: Decision[] = []) =>
  own.run((ctx) => exportUsers(ctx, { concurrency: 8, decisions }));
const runVerify = (options: VerifyOptions = {}, environment = {}) =>
  own.run((ctx) => verifyMove(ctx, options), environment);

// A default would be another moment in each database.
const times = { created_at: "2024-01-01", updated_at: "2024-01-01" };

const video = (userId: string) => ({
  video_id: crypto.randomUUID(),
  user_id: userId,
  storage_key: `videos/${userId}/a.mp4`,
  mime_type: "video/mp4",
  size_bytes: 1,
  created_at: times.created_at,
});

/** The last recorded run. */
async function readRecord() {
  const [record] = await own.sql()`
    select passed, users_compared, owners_compared, signed_in, fingerprint, mismatches
    from private.legacy_verifications order by started_at desc limit 1`;
  return record;
}

describe("verify", () => {
  it("passes over equal users, marks them and records what it compared", async () => {
    const [first = ""] = await own.addUsers({ display_name: "Ann" }, { tier: "pro" });
    const linked = await own.addAccount({ email: "kept@example.test" });
    await own.addUsers({ email: "kept@example.test", supabase_user_id: linked });
    await writeLegacyRows(own.sql(), { videos: [video(first), video(first)] });
    await runExport();
    const verification = await runVerify();
    expect(verification).toMatchObject({
      passed: true,
      users: 3,
      owners: 1,
      mismatchCount: 0,
      mismatches: [],
    });
    const [now] = await own.sql()`select private.legacy_fingerprint() as fingerprint`;
    expect(verification.fingerprint).toBe(now?.fingerprint);
    expect(await readRecord()).toMatchObject({
      passed: true,
      users_compared: 3,
      owners_compared: 1,
      fingerprint: now?.fingerprint,
      mismatches: [],
    });
    const unmarked = await own.sql()`
      select from private.legacy_exports where verified_at is null`;
    expect(unmarked).toHaveLength(0);
    // A second export with nothing to do leaves the marks.
    await runExport();
    expect(await own.sql()`select from private.legacy_exports where verified_at is null`)
      .toHaveLength(0);
    await own.sql()`update public.users set display_name = 'Other' where user_id = ${first}`;
    const [later] = await own.sql()`select private.legacy_fingerprint() as fingerprint`;
    expect(later?.fingerprint).not.toBe(now?.fingerprint);
  });

  const differences: [string, (id: string) => PromiseLike<unknown>, string, string[]][] = [
    [
      "metadata",
      (id) =>
        own.sql()`update auth.users
      set raw_user_meta_data = raw_user_meta_data || '{"display_name":"X"}' where id = ${id}`,
      "fields_differ",
      [
        "display_name",
      ],
    ],
    [
      "the tier",
      (id) =>
        own.sql()`update auth.users
      set raw_app_meta_data = raw_app_meta_data - 'tier' where id = ${id}`,
      "fields_differ",
      [
        "tier",
      ],
    ],
    [
      "the password hash",
      (id) =>
        own.sql()`update auth.users
      set encrypted_password = 'other' where id = ${id}`,
      "fields_differ",
      ["password_hash"],
    ],
    [
      "the address",
      (id) =>
        own.sql()`update auth.users
      set email = 'other@example.test' where id = ${id}`,
      "fields_differ",
      ["email"],
    ],
    [
      "the confirmation",
      (id) =>
        own.sql()`update auth.users
      set email_confirmed_at = null where id = ${id}`,
      "fields_differ",
      ["email_verified"],
    ],
    [
      "an identity",
      (id) => own.sql()`delete from auth.identities where user_id = ${id}`,
      "identity_missing",
      [],
    ],
    [
      "a row of the id map",
      (id) =>
        own.sql()`delete from private.legacy_exports
      where legacy_user_id = ${id}`,
      "not_exported",
      [],
    ],
    [
      "the legacy user",
      (id) => own.sql()`delete from public.users where user_id = ${id}`,
      "gone_in_legacy",
      [],
    ],
    [
      "an account without a trace",
      async (id) => {
        await own.sql()`delete from auth.users where id = ${id}`;
        await own.sql()`delete from private.auth_events`;
      },
      "account_missing",
      [],
    ],
  ];
  for (const [what, change, kind, fields] of differences) {
    it(`finds that ${what} differs, names no value, and the mark is missing`, async () => {
      const [id = ""] = await own.addUsers({ display_name: "Ann Secret" }, {});
      await runExport();
      await change(id);
      const verification = await runVerify();
      expect(verification).toMatchObject({ passed: false, mismatchCount: 1 });
      expect(verification.mismatches).toEqual([{
        kind,
        subject: id,
        fields,
        detail: expect.stringMatching(/./),
      }]);
      const record = await readRecord();
      expect(record).toMatchObject({ passed: false, mismatches: verification.mismatches });
      expect(JSON.stringify(record?.mismatches)).not.toMatch(/Secret|@/);
      const marked = await own.sql()`
        select legacy_user_id as id from private.legacy_exports where verified_at is not null`;
      expect(marked.map((row) => row.id)).not.toContain(kind === "gone_in_legacy" ? "" : id);
    });
  }

  it("takes an open erasure as the reason for a missing account", async () => {
    const [id = ""] = await own.addUsers({});
    await runExport();
    await own.sql()`delete from auth.users where id = ${id}`;
    expect(await runVerify()).toMatchObject({ passed: true, users: 1, gone: 1 });
  });

  it("names owners whom nobody knows until that is decided", async () => {
    await own.addUsers({});
    const stranger = crypto.randomUUID();
    await own.sql()`alter table public.videos drop constraint videos_user_id_fkey`;
    await writeLegacyRows(own.sql(), { videos: [video(stranger)] });
    await runExport();
    expect((await runVerify()).mismatches).toMatchObject([
      { kind: "unknown_owner", subject: stranger, fields: ["videos"] },
    ]);
    await runExport([{ kind: "unknown_owner", subject: stranger, action: "keep" }]);
    expect(await runVerify()).toMatchObject({ passed: true, owners: 1 });
  });

  it("signs a sample in with old passwords, and ends those sessions", async () => {
    const [id = ""] = await own.addUsers({
      email: "ann@example.test",
      password_hash: await hashes.argon2id("of old"),
    }, { email: "eve@example.test" });
    await runExport();
    const passed = await runVerify({ signIn: [{ email: "Ann@example.test", password: "of old" }] });
    expect(passed).toMatchObject({ passed: true, signedIn: 1 });
    expect(await own.sql()`select from auth.sessions`).toHaveLength(0);
    const failed = await runVerify({
      signIn: [
        { email: "ann@example.test", password: "wrong" },
        { email: "nobody@example.test", password: "any" },
      ],
    });
    expect(failed.passed).toBe(false);
    expect(failed.mismatches).toMatchObject([
      {
        kind: "sign_in_failed",
        subject: id,
        detail: expect.stringContaining("invalid_credentials"),
      },
      { kind: "sign_in_unknown", subject: null },
    ]);
  });

  it("compares a separate legacy database with what was loaded, owner by owner", async () => {
    const [ann, bob] = [crypto.randomUUID(), crypto.randomUUID()];
    const password = { password_hash: await hashes.bcrypt("old") };
    const shown = video(ann);
    const rows = {
      users: [
        { user_id: ann, email: "ann@example.test", ...password, ...times },
        { user_id: bob, email: "bob@example.test", ...password, ...times },
      ],
      videos: [shown, video(ann), video(bob)],
    };
    for (const sql of [own.sql(), own.world.legacySql()]) await writeLegacyRows(sql, rows);
    await own.sql()`
      insert into private.legacy_loaded_rows (relation, key)
      select 'users', user_id from public.users union all
      select 'videos', video_id from public.videos`;
    const environment = { LEGACY_DATABASE_URL: own.world.legacyUrl };
    await own.run((ctx) => exportUsers(ctx, { concurrency: 4 }), environment);
    expect(await runVerify({}, environment)).toMatchObject({ passed: true, users: 2, owners: 2 });
    // As many rows, and other ones.
    const rename = (key: string) =>
      own.sql()`update public.videos set storage_key = ${key} where video_id = ${shown.video_id}`;
    await rename("videos/elsewhere.mp4");
    expect((await runVerify({}, environment)).mismatches).toEqual([{
      kind: "contents_differ",
      subject: null,
      fields: ["videos"],
      detail: expect.stringContaining("run heimdex legacy load"),
    }]);
    await rename(shown.storage_key);
    await own.sql()`delete from public.videos where user_id = ${bob}`;
    await own.sql()`update public.users set industry = 'film' where user_id = ${ann}`;
    expect((await runVerify({}, environment)).mismatches).toMatchObject([
      { kind: "not_loaded", subject: ann, fields: ["industry"] },
      { kind: "rows_differ", subject: bob, fields: ["videos"] },
      { kind: "contents_differ", subject: null, fields: ["videos"] },
    ]);
  });

  it("does not want back users and people erased in the project since they were loaded", async () => {
    const [ann, bob] = [crypto.randomUUID(), crypto.randomUUID()];
    const password = { password_hash: await hashes.bcrypt("old") };
    const person = (userId: string) => ({
      person_id: crypto.randomUUID(),
      user_id: userId,
      name: "P",
      created_at: times.created_at,
    });
    const [kept, gone] = [{ ...person(ann), name: "Kept" }, person(ann)];
    const shown = video(ann);
    const scene = {
      scene_id: crypto.randomUUID(),
      video_id: shown.video_id,
      start_s: 0,
      end_s: 1,
      created_at: times.created_at,
    };
    const rows = {
      users: [
        { user_id: ann, email: "ann@example.test", ...password, ...times },
        { user_id: bob, email: "bob@example.test", ...password, ...times },
      ],
      videos: [shown, video(bob)],
      face_profiles: [kept, gone, person(bob)],
      scenes: [scene],
      scene_people: [kept, gone].map(({ person_id }) => ({
        scene_id: scene.scene_id,
        person_id,
        confidence: 0.9,
        frame_count: 1,
      })),
    };
    for (const sql of [own.sql(), own.world.legacySql()]) await writeLegacyRows(sql, rows);
    await own.sql()`
      insert into private.legacy_loaded_rows (relation, key)
      select 'users', user_id from public.users union all
      select 'face_profiles', person_id from public.face_profiles union all
      select 'videos', video_id from public.videos`;
    const environment = { LEGACY_DATABASE_URL: own.world.legacyUrl };
    const move = () => own.run((ctx) => exportUsers(ctx, { concurrency: 4 }), environment);
    await move();
    await own.sql()`delete from public.face_profiles where person_id = ${gone.person_id}`;
    await own.sql()`delete from public.videos where user_id = ${bob}`;
    await own.sql()`delete from public.face_profiles where user_id = ${bob}`;
    await own.sql()`delete from public.users where user_id = ${bob}`;
    await own.sql()`delete from auth.users where id = ${bob}`;
    await own.sql()`delete from private.legacy_exports where legacy_user_id = ${bob}`;
    await move();
    expect(await runVerify({}, environment)).toMatchObject({
      mismatches: [],
      passed: true,
      users: 2,
      gone: 1,
      owners: 1,
    });
  });
});
