import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createLegacySchema, writeLegacyRows } from "../../../cli/legacy/sample/write.ts";
import { LegacyError } from "../../../shared/legacy/errors.ts";
import { explainLoadFailure } from "../../../shared/legacy/load/failures.ts";
import { findWrittenSinceLoad, loadRows } from "../../../shared/legacy/load/load-rows.ts";
import { loadLegacy } from "../../../shared/legacy/load/load.ts";
import { dropStage } from "../../../shared/legacy/load/stage.ts";
import { legacyTables } from "../../../shared/legacy/schema.ts";
import { type LegacySource, openLegacySource } from "../../../shared/legacy/source.ts";
import {
  startServer,
  type TestDatabase,
  type TestServer,
} from "../../migrations/support/database.ts";
import { depsWith } from "../../support/app.ts";
import { canMount, mountSmallDisk } from "../../support/small-disk.ts";
import { buildLegacyRows, readLegacyRows } from "../../support/legacy-rows.ts";

let server: TestServer;
let oldServer: TestServer;

beforeAll(async () => {
  [server, oldServer] = await Promise.all([startServer(17), startServer(15)]);
});

afterAll(async () => {
  await Promise.all([server?.stop(), oldServer?.stop()]);
});

interface Databases {
  /** The project, migrated, and a superuser's way in. */
  project: TestDatabase;
  legacy: TestDatabase;
  sql: postgres.Sql;
  source: LegacySource;
  rows: ReturnType<typeof buildLegacyRows>;
}

let db: Databases;

beforeEach(async () => {
  const project = await server.createDatabase();
  const legacy = await oldServer.createDatabase({ migrated: false });
  await createLegacySchema(legacy.sql);
  const rows = buildLegacyRows();
  await writeLegacyRows(legacy.sql, rows);
  db = { project, legacy, rows, ...openBoth(project.url, legacy.url) };
  return async () => {
    await db.source.close();
    await db.sql.end({ timeout: 1 });
    await Promise.all([project.stop(), legacy.stop()]);
  };
});

function openBoth(projectUrl: string, legacyUrl: string) {
  const sql = postgres(projectUrl, {
    max: 4,
    prepare: false,
    onnotice: () => {},
    connection: { application_name: "heimdex load test" },
  });
  return { sql, source: openLegacySource({ projectUrl, legacyUrl, projectSql: sql }) };
}

async function load({ live = false } = {}) {
  let progress = { done: 0, total: 0 };
  const report = await loadRows(db, {
    live,
    onRows: (done, total) => (progress = { done, total }),
  });
  return { report, progress };
}

function refusalOfLoad(options?: { live: boolean }): Promise<LegacyError> {
  return refusalOf(load(options));
}

async function refusalOf(work: Promise<unknown>): Promise<LegacyError> {
  const error = await work.then(() => undefined, explainLoadFailure);
  if (error instanceof LegacyError) return error;
  throw new Error("Expected the load to end with a sentence", { cause: error });
}

/** Nine megabytes of events, so that there is a middle in which something can happen. */
async function pad(): Promise<void> {
  await db.legacy.sql`
    insert into public.audit_events (event_type, metadata)
    select 'padding', jsonb_build_object('text', repeat('x', 1500)) from generate_series(1, 6000)`;
}

async function expectSame(): Promise<void> {
  expect(await readLegacyRows(db.project.sql)).toEqual(await readLegacyRows(db.legacy.sql));
}

describe("the first load", () => {
  it("brings every row of a PostgreSQL 15 into a project that had lost its users tables", async () => {
    const { report, progress } = await load();
    await expectSame();
    const counts = Object.entries(db.rows).map(([table, rows]) => [table, rows.length]);
    expect(Object.fromEntries(report.tables.map(({ table, rows }) => [table, rows]))).toEqual(
      Object.fromEntries(counts),
    );
    expect(report).toMatchObject({ rounds: 1, changing: [], unknownOwners: 0 });
    const total = Object.values(db.rows).reduce((sum, rows) => sum + rows.length, 0);
    expect(progress).toEqual({ done: total, total });
  });

  it("leaves the removal of the users tables to a later push", async () => {
    await load();
    const [row] = await db.project.sql`
      select (select count(*) from private.legacy_removals) as removals,
        to_regclass('public.users') is not null as there`;
    expect(row).toEqual({ removals: 0, there: true });
  });
});

describe("a further load", () => {
  beforeEach(async () => {
    await load();
  });

  it("finds nothing to do", async () => {
    const { report } = await load();
    expect(report.rounds).toBe(0);
    expect(report.tables.map(({ table, written }) => ({ table, written }))).toEqual(
      legacyTables.map(({ name }) => ({ table: name, written: 0 })),
    );
    expect(await findWrittenSinceLoad(db)).toEqual([]);
  });

  it("copies only tables that changed, and writes only rows that did", async () => {
    await db.legacy.sql`update public.videos set state = 'failed' where video_id = ${
      db.rows.videos[0]?.video_id ?? ""
    }`;
    expect(await findWrittenSinceLoad(db)).toEqual(["videos"]);
    const { report, progress } = await load();
    await expectSame();
    expect(report.tables.filter(({ written }) => written > 0)).toEqual([
      { table: "videos", rows: 3, written: 1, deleted: 0 },
    ]);
    expect(progress.total).toBe(3);
  });

  it("takes away what is gone in the legacy database", async () => {
    const [first] = db.rows.users;
    await db.legacy.sql`delete from public.users where user_id = ${first?.user_id ?? ""}`;
    await db.legacy.sql`delete from public.audit_events where user_id is null`;
    await db.legacy.sql`delete from public.rate_limits`;
    const { report } = await load();
    await expectSame();
    const deleted = Object.fromEntries(report.tables.map((each) => [each.table, each.deleted]));
    expect(deleted).toMatchObject({ users: 1, audit_events: 1, rate_limits: 2 });
  });

  it("lets two users exchange their addresses, and two tokens their hashes", async () => {
    for (
      const [table, key, column] of [
        ["users", "user_id", "email"],
        ["refresh_tokens", "token_id", "token_hash"],
      ] as const
    ) {
      const rows = await db.legacy.sql.unsafe<Record<string, string>[]>(
        `select ${key} as key, ${column} as value from public.${table} order by 1 limit 2`,
      );
      const [first, second] = rows;
      const give = (row?: Record<string, string>, value = "between") =>
        db.legacy.sql.unsafe(`update public.${table} set ${column} = $1 where ${key} = $2`, [
          value,
          row?.key ?? "",
        ]);
      await give(first);
      await give(second, first?.value);
      await give(first, second?.value);
    }
    await load();
    await expectSame();
  });

  it("overwrites what was changed in the project meanwhile", async () => {
    await db.project.sql`update public.video_metadata set title = 'Changed here'`;
    await load();
    await expectSame();
  });

  it("never touches rows that did not come by load", async () => {
    const [user, video, event] = Array.from({ length: 3 }, () => crypto.randomUUID());
    await writeLegacyRows(db.project.sql, {
      users: [{ user_id: user, supabase_user_id: user, email: "new@example.test" }],
      videos: [{
        video_id: video,
        user_id: user,
        storage_key: `videos/${user}/${video}.mp4`,
        mime_type: "video/mp4",
        size_bytes: 1,
      }],
      audit_events: [{ event_id: event, user_id: user, event_type: "here" }],
    });
    await db.legacy.sql`delete from public.audit_events`;
    await load();
    const [row] = await db.project.sql`
      select (select count(*) from public.videos where video_id = ${video ?? ""}) as videos,
        (select count(*) from public.users where user_id = ${user ?? ""}) as users,
        (select array_agg(event_id::text) from public.audit_events) as events`;
    expect(row).toEqual({ videos: 1, users: 1, events: [event] });
  });

  it("does not bring back users and people who were erased in the project", async () => {
    // The two people of the erased user are gone as well.
    const [gone, other] = db.rows.users;
    const person = db.rows.face_profiles.find(({ user_id }) => user_id === other?.user_id);
    await db.project.sql`delete from public.users where user_id = ${gone?.user_id ?? ""}`;
    await db.project.sql.begin(async (sql) => {
      // What was loaded may go in the name of a move only.
      await sql`select set_config('heimdex.audit_move', 'on', true)`;
      await sql`delete from public.audit_events where user_id = ${gone?.user_id ?? ""}`;
      await sql`delete from public.rate_limits where user_id = ${gone?.user_id ?? ""}`;
    });
    await db.project.sql`delete from public.face_profiles where person_id = ${
      person?.person_id ?? ""
    }`;
    const before = await readLegacyRows(db.project.sql);
    for (const round of [1, 2]) {
      await db.legacy.sql`update public.videos set error_text = ${`round ${round}`}`;
      await db.legacy.sql`update public.scenes set transcript = ${`round ${round}`}`;
      const { report } = await load();
      expect(report.erased).toEqual({ users: 1, people: 3 });
    }
    const after = await readLegacyRows(db.project.sql);
    const ids = JSON.stringify(after);
    expect(ids).not.toContain(gone?.user_id);
    expect(ids).not.toContain(person?.person_id);
    expect(Object.values(after).map((rows) => rows.length)).toEqual(
      Object.values(before).map((rows) => rows.length),
    );
  });

  it("asks first when every user who was loaded is gone from the project", async () => {
    await db.project.sql`delete from public.users`;
    await expect(load()).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringContaining("empty private.legacy_loaded_rows"),
    });
  });

  it("refuses a legacy database that has no users any more", async () => {
    await db.legacy.sql`delete from public.users`;
    const error = await refusalOfLoad();
    expect(error).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("check LEGACY_DATABASE_URL"),
    });
    expect((await readLegacyRows(db.project.sql)).users).toHaveLength(3);
  });

  it("refuses a project that is cut over", async () => {
    await db.project.sql`insert into private.legacy_removals (users_removed) values (3)`;
    expect(await refusalOfLoad()).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("cut over already"),
    });
  });
});

describe("rows whose owner no users row names", () => {
  it("come in, and the foreign key holds for new rows", async () => {
    const orphan = { ...db.rows.videos[0], video_id: crypto.randomUUID() };
    await writePastKeys("videos", { ...orphan, user_id: crypto.randomUUID() });
    await writePastKeys("face_profiles", {
      ...db.rows.face_profiles[0],
      person_id: crypto.randomUUID(),
      user_id: crypto.randomUUID(),
    });
    const { report } = await load();
    await expectSame();
    expect(report.unknownOwners).toBe(2);
    await expect(writeLegacyRows(db.project.sql, {
      videos: [{ ...orphan, video_id: crypto.randomUUID(), user_id: crypto.randomUUID() }],
    })).rejects.toMatchObject({ code: "23503" });
    await db.legacy.sql`update public.videos set state = 'failed'`;
    await load();
    await expectSame();
  });

  async function writePastKeys(table: "videos" | "face_profiles", row: Record<string, unknown>) {
    await db.legacy.admin.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await writeLegacyRows(tx as unknown as postgres.ISql, { [table]: [row] });
    });
  }
});

describe("a legacy application that still writes", () => {
  let stop = () => Promise.resolve();

  beforeEach(() => {
    let running = true;
    const writing = (async () => {
      for (let count = 0; running; count++) {
        await db.legacy.sql`update public.video_metadata set description = ${String(count)}`;
      }
    })();
    stop = async () => {
      running = false;
      await writing;
    };
    return stop;
  });

  it("is refused after three rounds, and what one moment had is loaded", async () => {
    const error = await refusalOfLoad();
    expect(error).toMatchObject({ kind: "refused", message: expect.stringContaining("--live") });
    expect(error.message).toContain("video_metadata");
    const rows = await db.project.sql<{ description: string }[]>`
      select distinct description from public.video_metadata`;
    expect(rows).toHaveLength(1);
    await stop();
    await load();
    await expectSame();
  });

  it("may go on with --live", async () => {
    const { report } = await load({ live: true });
    expect(report).toMatchObject({ rounds: 1, changing: ["video_metadata"] });
  });
});

describe("a load that breaks off", () => {
  beforeEach(pad);

  it.each([
    ["the legacy database", () => db.legacy, "heimdex legacy"],
    ["the project's database", () => db.project, "heimdex load test"],
  ])("because %s goes away says so, changes nothing and goes on later", async (_who, of, name) => {
    let copied = 0;
    const broken = loadRows(db, {
      live: false,
      onRows: (done) => {
        if (copied < 1_000 && done >= 1_000) void endConnections(of(), name);
        copied = done;
      },
    });
    const error = await broken.then(() => undefined, explainLoadFailure);
    expect(error).toMatchObject({
      kind: "outage",
      message: expect.stringMatching(/went away .*No table was changed/s),
    });
    const [row] = await db.project.sql`
      select to_regclass('public.users') is null as untouched,
        (select count(*) from legacy_stage.users) as staged`;
    expect(row).toEqual({ untouched: true, staged: 3 });
    await load();
    await expectSame();
  }, 90_000);

  async function endConnections({ admin }: TestDatabase, name: string): Promise<void> {
    await admin`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = ${name} and datname = current_database()`;
  }
});

it("waits for an export that is at work, without a transaction", async () => {
  const other = await db.project.admin.reserve();
  try {
    await other`select pg_advisory_lock_shared(hashtextextended('heimdex:legacy', 0))`;
    const waiting = loadLegacy({ ...db, deps: depsWith(), now: () => new Date() }, {
      buckets: [],
      live: false,
      onProgress: () => {},
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [row] = await other<[{ loaded: boolean; open: number }]>`
      select exists (select from private.legacy_loads) as loaded,
        (select count(*)::int from pg_stat_activity
          where application_name = 'heimdex load test' and xact_start is not null) as open`;
    expect(row).toEqual({ loaded: false, open: 0 });
    await other`select pg_advisory_unlock_all()`;
    expect((await waiting).rows).toMatchObject({ rounds: 1 });
  } finally {
    await other`select pg_advisory_unlock_all()`;
    other.release();
  }
});

const tmpfs = await canMount();

describe.runIf(tmpfs)("a disk that is full", () => {
  it("is told as that, leaves no table behind, and the load goes on with more room", async () => {
    await pad();
    const disk = await mountSmallDisk(db.project);
    try {
      const error = await refusalOf(loadLegacy({ ...db, deps: depsWith(), now: () => new Date() }, {
        buckets: [],
        live: false,
        onProgress: () => {},
      }));
      expect(error).toMatchObject({
        kind: "outage",
        message: expect.stringMatching(/^The disk of the project's database is full .*make room/),
      });
      const [row] = await db.project.sql`
        select to_regclass('public.users') is null as untouched,
          to_regnamespace('legacy_stage') is null as swept`;
      expect(row).toEqual({ untouched: true, swept: true });
    } finally {
      await disk.leave();
      await db.source.close();
      await db.sql.end({ timeout: 1 });
    }
    Object.assign(db, openBoth(db.project.url, db.legacy.url));
    await load();
    await expectSame();
    await dropStage(db.sql);
    await disk.unmount();
  }, 90_000);
});

describe("rows that the project does not take", () => {
  it("are refused by column and constraint, without quoting them, and nothing changes", async () => {
    await db.project.sql`
      alter table public.audit_events add constraint audit_events_login_check
      check (event_type <> 'login')`;
    const error = await refusalOfLoad();
    expect(error).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("audit_events_login_check"),
    });
    expect(error.message).not.toContain("192.0.2.1");
    const [row] = await db.project.sql`select to_regclass('public.users') is null as untouched`;
    expect(row).toEqual({ untouched: true });
  });

  it("are refused when a trigger of the project changes them", async () => {
    await db.project.sql.unsafe(`
      create function public.shout() returns trigger language plpgsql as
      $f$ begin new.event_type := upper(new.event_type); return new; end $f$;
      create trigger shout before insert on public.audit_events
      for each row execute function public.shout();`).simple();
    expect(await refusalOfLoad()).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("a trigger or rule of this project changes them"),
    });
  });
});
