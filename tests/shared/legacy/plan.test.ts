import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createLegacySchema,
  type LegacyRow,
  type LegacyRows,
  writeLegacyRows,
} from "../../../cli/legacy/sample/write.ts";
import { type LegacyWorld, startLegacyWorld } from "../../../local/legacy-world.ts";
import { createAuthAdmin } from "../../../shared/legacy/auth-admin.ts";
import type { LegacyDatabases } from "../../../shared/legacy/context.ts";
import { type Decision, storeDecisions } from "../../../shared/legacy/decisions.ts";
import { type Plan, planMove, suggestDecisions } from "../../../shared/legacy/plan/plan.ts";
import { openLegacySource } from "../../../shared/legacy/source.ts";
import { legacyUser } from "./people.ts";

const id = (n: number) => `aaaaaaaa-0000-4000-8000-${String(n).padStart(12, "0")}`;
const supabaseId = (n: number) => `5${id(n).slice(1)}`;
const hash = legacyUser().passwordHash;

let world: LegacyWorld;
let databases: LegacyDatabases;

beforeAll(async () => {
  world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
});
beforeEach(() => world.reset());
afterAll(() => world?.stop());

/** Plans on the project's own tables, or on those of a database of its own. */
async function plan(
  rows: LegacyRows,
  o: { separate?: boolean; decisions?: Decision[]; maxListed?: number } = {},
): Promise<Plan> {
  const target = o.separate ? world.legacySql() : world.sql();
  await target.begin(async (tx) => {
    await tx`select set_config('session_replication_role', 'replica', true)`;
    await writeLegacyRows(tx, rows);
  });
  return await planAgain(o);
}

async function planAgain(
  { separate = false, ...options }: {
    separate?: boolean;
    decisions?: Decision[];
    maxListed?: number;
  } = {},
): Promise<Plan> {
  const { databaseUrl } = world.stack;
  const sql = postgres(databaseUrl, { max: 2, prepare: false, onnotice: () => {} });
  const legacyUrl = separate ? { legacyUrl: world.legacyUrl } : {};
  const source = openLegacySource({ projectUrl: databaseUrl, projectSql: sql, ...legacyUrl });
  databases = { sql, source, now: () => new Date() };
  try {
    return await planMove(databases, options);
  } finally {
    await source.close();
    await sql.end();
  }
}

async function createAccount(n: number, changes: { email?: string; confirm?: boolean } = {}) {
  const { url: supabaseUrl, secretKey, publishableKey } = world.stack;
  const answer = await createAuthAdmin({ supabaseUrl, secretKey, publishableKey }).createUser({
    id: supabaseId(n),
    email: changes.email ?? `user.${n}@example.test`,
    email_confirm: changes.confirm ?? true,
    user_metadata: {},
    app_metadata: {},
  });
  expect(answer).toMatchObject({ kind: "done" });
}

const user = (n: number, changes: LegacyRow = {}): LegacyRow => ({
  user_id: id(n),
  email: `user.${n}@example.test`,
  email_verified: true,
  password_hash: hash,
  tier: "pro",
  ...changes,
});
const video = (n: number, owner: number, changes: LegacyRow = {}): LegacyRow => ({
  video_id: id(n),
  user_id: id(owner),
  storage_key: `videos/${id(owner)}/${id(n)}.mp4`,
  mime_type: "video/mp4",
  size_bytes: 1000,
  ...changes,
});
const person = (n: number, owner: number, name: string, photos: string[] = []): LegacyRow => ({
  person_id: id(n),
  user_id: id(owner),
  name,
  photo_keys: photos,
});

describe("planMove", () => {
  it("says of an empty legacy system that nothing is to be done", async () => {
    const empty = await plan({});
    expect(empty).toMatchObject({
      separate: false,
      counts: { users: 0, exported: 0, toCreate: 0 },
      matters: [],
      open: {},
      objectsToMove: { objects: 0, bytes: 0 },
      estimate: { total: 0 },
    });
  });

  it("counts users, hashes, rows and objects, on both roads alike", async () => {
    await createAccount(1);
    const rows: LegacyRows = {
      users: [
        user(1, { supabase_user_id: supabaseId(1), password_hash: null }),
        user(2),
        user(3, { email_verified: false, password_hash: `$2b$04$${"a".repeat(53)}` }),
        user(4, { supabase_user_id: supabaseId(1).replace(/1$/, "4"), password_hash: null }),
      ],
      videos: [
        video(1, 1),
        video(2, 1, { storage_key: "archive/2.mp4", state: "deleted" }),
        video(3, 2),
      ],
      scenes: [
        {
          scene_id: id(1),
          video_id: id(1),
          start_s: 0,
          end_s: 1,
          thumbnail_key: `${id(1)}/1.jpg`,
          sidecar_key: `${id(1)}/1.json`,
        },
        { scene_id: id(2), video_id: id(1), start_s: 1, end_s: 2, sidecar_key: `${id(1)}/1.json` },
      ],
      video_metadata: [{
        video_id: id(1),
        thumbnail_url: `https://x.test/${id(1)}`,
      }],
      face_profiles: [person(1, 1, "Mia", [`faces/${id(1)}/1.jpg`, `faces/${id(1)}/2.jpg`])],
      audit_events: [
        { user_id: id(99), event_type: "login" },
        { user_id: id(1), event_type: "login" },
        { event_type: "login" },
      ],
      rate_limits: [1, 2, 3].map((count) => ({
        user_id: id(2),
        resource: "search",
        count,
        window_start: "2024-01-01T00:00:00Z",
        expires_at: "2024-01-01T00:00:00Z",
      })),
      refresh_tokens: [{ user_id: id(1), token_hash: "x", expires_at: "2100-01-01T00:00:00Z" }],
    };
    const expected = {
      counts: {
        users: 4,
        linked: 2,
        unlinked: 2,
        exported: 0,
        toCreate: 3,
        toUpdate: 1,
        unchanged: 0,
      },
      hashes: { bcrypt: 1, argon2i: 0, argon2id: 1, unsupported: 0, none: 1 },
      open: { missing_account: 1, no_password: 1 },
      decided: {},
      notes: {
        erased: 0,
        unconfirmed: 1,
        ownPassword: 0,
        ownEmail: 0,
        orphanAuditEvents: 1,
        orphanRateLimits: 0,
        repeatedRateLimits: 2,
        unownedPeople: 0,
        deletedVideos: 1,
        liveSessions: 1,
      },
      objectsToMove: { objects: 5, bytes: 1000 },
    };
    const same = await plan(rows);
    expect(same).toMatchObject({ separate: false, ...expected, estimate: { load: 0 } });
    expect(same.rows).toMatchObject({ users: 4, videos: 3, scenes: 2, audit_events: 3 });
    await world.sql()`truncate public.users cascade`;
    const separate = await plan(rows, { separate: true });
    expect(separate).toMatchObject({ separate: true, ...expected, estimate: { load: 1 } });
    expect(separate.rows).toEqual(same.rows);
  });

  it("changes nothing", async () => {
    const rows = { users: [user(1), user(2, { email: "USER.1@example.test" })] };
    await plan(rows);
    const before = await dumpAll();
    await planAgain({ decisions: [{ kind: "no_password", subject: "*", action: "reset" }] });
    expect(await dumpAll()).toEqual(before);
  });

  it("lets one of several users keep an address that differs in case only", async () => {
    const rows = {
      users: [
        user(1, { email: "Same@example.test", last_login_at: "2024-01-01T00:00:00Z" }),
        user(2, { email: "same@example.test", last_login_at: "2025-01-01T00:00:00Z" }),
        user(3, { email: "SAME@example.test", email_verified: false }),
      ],
    };
    const { matters } = await plan(rows);
    expect(matters.map(({ kind, subject }) => [kind, subject]))
      .toEqual([["email_case", id(1)], ["email_case", id(3)]]);

    const away: Decision = {
      kind: "email_case",
      subject: id(2),
      action: "use_email",
      value: "other@example.test",
    };
    const other = await planAgain({ decisions: [away] });
    expect(other.matters.map(({ subject }) => subject)).toEqual([id(3)]);
    const taken = planAgain({ decisions: [{ ...away, value: "same@example.test" }] });
    await expect(taken).rejects.toThrow(/gives an e-mail that legacy user .* has/);
  });

  it("lets a linked user keep it before all others", async () => {
    await createAccount(1, { email: "same@example.test" });
    const { matters } = await plan({
      users: [
        user(1, {
          email: "Same@example.test",
          supabase_user_id: supabaseId(1),
          email_verified: false,
        }),
        user(2, { email: "same@example.test" }),
      ],
    });
    expect(matters).toMatchObject([{ kind: "email_case", subject: id(2) }]);
  });

  it("never offers an account that is another legacy user's, or not confirmed", async () => {
    await createAccount(1, { email: "user.2@example.test" });
    await createAccount(3, { confirm: false });
    await createAccount(4);
    const { matters } = await plan({
      users: [
        user(1, { supabase_user_id: supabaseId(1) }),
        user(2),
        user(3),
        user(4),
      ],
    });
    expect(matters.map(({ subject, actions }) => [subject, actions])).toEqual([
      [id(2), ["use_email"]],
      [id(3), ["use_email"]],
      [id(4), ["link", "use_email"]],
    ]);
  });

  it("sees an address that somebody holds by a social login", async () => {
    await createAccount(9, { email: "other@example.test" });
    await world.sql()`
      insert into auth.identities (id, user_id, provider, provider_id, identity_data)
      values (gen_random_uuid(), ${supabaseId(9)}, 'google', '9',
        '{"sub":"9","email":"user.1@example.test"}')`;
    const { matters } = await plan({ users: [user(1)] });
    expect(matters).toMatchObject([
      { kind: "email_taken", account: supabaseId(9), actions: ["use_email"] },
    ]);
  });

  it("does not ask for users who were erased, or are about to be", async () => {
    await plan({ users: [user(1, { supabase_user_id: supabaseId(1) })] });
    await world.sql()`
      insert into private.erasures (kind, user_id, subject, origin, state)
      values ('user', ${supabaseId(1)}, 'x', 'event', 'held')`;
    expect(await planAgain()).toMatchObject({ open: {}, notes: { erased: 1 } });
    await world.sql()`update private.erasures set state = 'cancelled'`;
    expect(await planAgain()).toMatchObject({ open: { missing_account: 1 } });
  });

  it("asks for owners nobody knows and for people of one name, singly or for all", async () => {
    const rows = {
      users: [user(1), user(2)],
      videos: [video(1, 1), video(2, 50)],
      face_profiles: [
        person(1, 1, "Mia"),
        person(2, 1, "Mia"),
        person(3, 2, "Mia"),
        person(4, 2, "Mia"),
        person(5, 51, "Mia"),
      ],
    };
    const open = await plan(rows);
    expect(open.open).toEqual({ unknown_owner: 2, person_names: 2 });
    expect(open.matters.map(({ kind, subject }) => [kind, subject])).toEqual([
      ["unknown_owner", id(50)],
      ["unknown_owner", id(51)],
      ["person_names", id(1)],
      ["person_names", id(2)],
    ]);
    const some = await planAgain({
      decisions: [
        { kind: "unknown_owner", subject: id(50), action: "keep" },
        { kind: "person_names", subject: "*", action: "suffix" },
      ],
    });
    expect(some).toMatchObject({
      open: { unknown_owner: 1 },
      decided: { unknown_owner: 1, person_names: 2 },
    });
  });

  it("counts stored decisions, and those given before them", async () => {
    const rows = { users: [user(1, { password_hash: null }), user(2, { password_hash: "md5" })] };
    await plan(rows);
    await storeDecisions(world.sql(), [{ kind: "no_password", subject: "*", action: "reset" }]);
    expect((await planAgain()).open).toEqual({ unsupported_hash: 1 });
    const unsupported: Decision = { kind: "unsupported_hash", subject: id(2), action: "reset" };
    expect(await planAgain({ decisions: [unsupported] }))
      .toMatchObject({ open: {}, decided: { no_password: 1, unsupported_hash: 1 } });
  });

  it("refuses a decision that cannot be carried out, naming it", async () => {
    await createAccount(1, { confirm: false });
    const link: Decision = {
      kind: "email_taken",
      subject: id(1),
      action: "link",
      value: supabaseId(1),
    };
    await expect(plan({ users: [user(1)] }, { decisions: [link] })).rejects.toThrow(
      `The decision for email_taken of ${id(1)} cannot be carried out: link is not offered`,
    );
  });

  it("suggests decisions that settle everything", async () => {
    await createAccount(1, { email: "user.1@example.test" });
    await createAccount(2, { confirm: false });
    const long = { display_name: "🎬".repeat(255) };
    const first = await plan({
      users: [
        user(1),
        user(2),
        user(3, { email: "USER.2@example.test" }),
        user(4, { email: "no address" }),
        user(5, { password_hash: "!" }),
        user(6, { password_hash: null }),
        user(7, long),
        user(8, { supabase_user_id: supabaseId(8) }),
      ],
      face_profiles: [person(1, 1, "Mia"), person(2, 1, "Mia")],
    });
    expect(Object.keys(first.open).sort()).toEqual([
      "email_case",
      "email_invalid",
      "email_taken",
      "metadata_over_budget",
      "missing_account",
      "no_password",
      "person_names",
      "unsupported_hash",
    ]);
    const decisions = suggestDecisions(first);
    const second = await planAgain({ decisions });
    expect(second).toMatchObject({ open: {}, matters: [] });
    expect(second.counts).toMatchObject({ toCreate: 7, toUpdate: 1 });
  });

  it("lists the first matters of a kind and counts them all", async () => {
    const users = Array.from({ length: 1200 }, (_, n) => user(n + 1, { password_hash: null }));
    const { open, matters, counts } = await plan({ users }, { maxListed: 3 });
    expect({ open, listed: matters.length, users: counts.users })
      .toEqual({ open: { no_password: 1200 }, listed: 3, users: 1200 });
  });

  it("works before our migrations reached the database", async () => {
    await plan({ users: [user(1)] }, { separate: true });
    const sql = postgres(world.legacyUrl, { max: 2, onnotice: () => {} });
    await sql`create schema auth`;
    await sql`create table auth.users (id uuid, email text, email_confirmed_at timestamptz,
      encrypted_password text, raw_user_meta_data jsonb, raw_app_meta_data jsonb,
      deleted_at timestamptz, is_sso_user boolean)`;
    await sql`create table auth.identities (user_id uuid, email text, provider text)`;
    const source = openLegacySource({ projectUrl: world.legacyUrl, projectSql: sql });
    const bare = await planMove({ sql, source, now: () => new Date() });
    expect(bare).toMatchObject({ counts: { users: 1, toCreate: 1 }, open: {} });
    await source.close();
    await sql.end();
  });
});

async function dumpAll(): Promise<unknown> {
  const sql = world.sql();
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('public', 'private', 'auth', 'storage') order by 1`;
  const rows = [];
  for (const { name } of tables) {
    rows.push([name, await sql.unsafe(`select * from ${name} t order by t::text`)]);
  }
  return rows;
}
