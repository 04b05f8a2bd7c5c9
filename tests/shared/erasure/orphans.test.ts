import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openConnection } from "../../../shared/database/connection.ts";
import type { Transaction } from "../../../shared/database/doors.ts";
import { runErasure } from "../../../shared/erasure/engine.ts";
import { manifest } from "../../../shared/erasure/manifest.ts";
import {
  assertWithinLimits,
  countOrphansDaily,
  eraseOrphans,
  findOrphans,
  type OrphanReport,
  SweepRefusedError,
} from "../../../shared/erasure/orphans.ts";
import { ownerColumns, ownerFolders } from "../../../shared/erasure/owners.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { useStack } from "../../support/stack.ts";
import { createUser } from "../../support/users.ts";
import {
  countRowsLeft,
  expectNothingLeft,
  expectUntouched,
  later,
  openErasures,
  seedUser,
  type TestErasures,
} from "./support.ts";

const dayOld = { minAgeSeconds: 24 * 3600 };

/** Makes everything of a user look as old as this. */
async function age(userId: string, days: number): Promise<void> {
  await adminSql().begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    for (const { table, column, writtenAt } of ownerColumns) {
      const [there] = await sql`select from pg_class where oid = to_regclass(${table})`;
      if (!there || !writtenAt) continue;
      await sql`update ${sql(table)} set ${sql(writtenAt)} = now() - make_interval(days => ${days})
        where ${sql(column)} = ${userId}::uuid`;
    }
    await sql`update storage.objects set created_at = now() - make_interval(days => ${days})
      where name like ${`%${userId}%`}`;
  });
}

/** Everything of a user who never had an account, as a lost event leaves it behind. */
async function plantOrphan(days: number): Promise<string> {
  const userId = crypto.randomUUID();
  await seedUser(userId);
  await age(userId, days);
  return userId;
}

function find(report: OrphanReport, userId: string) {
  return report.orphans.find((orphan) => orphan.userId === userId);
}

const reportOf = (users: number, orphans: number): OrphanReport => ({
  users,
  orphans: Array.from({ length: orphans }, () => ({
    userId: crypto.randomUUID(),
    where: ["public.videos"],
    newest: null,
  })),
  tooYoung: 0,
});

describe("owner columns and folders", () => {
  it("are those of the manifest", () => {
    const owned = manifest.tables.filter(({ rows, columns, optional }) =>
      rows && !optional && ("user_id" in columns || "supabase_user_id" in columns)
    );
    expect(ownerColumns.map(({ table }) => table)).toEqual(
      expect.arrayContaining(owned.map(({ name }) => name)),
    );
    expect(ownerFolders).toEqual([
      { bucket: "uploads", head: "videos/" },
      { bucket: "uploads", head: "faces/" },
      { bucket: "thumbnails", head: "" },
      { bucket: "sidecars", head: "" },
      { bucket: "exports", head: "" },
    ]);
  });
});

describe.runIf(hasAdminSql())("findOrphans", () => {
  let erasures: TestErasures;
  beforeAll(() => {
    erasures = openErasures();
  });
  afterAll(() => erasures.close());

  it("names who has no account, and where something is left", async () => {
    const userId = await plantOrphan(3);
    const { id: alive } = await createUser();
    await seedUser(alive);
    await age(alive, 3);
    const report = await findOrphans(erasures, dayOld);
    expect(find(report, userId)).toEqual({
      userId,
      where: [
        ...ownerColumns.map(({ table }) => table).filter((table) =>
          table.startsWith("public.") && !/users$|organization_members$/.test(table)
        ),
        "uploads",
        "thumbnails",
        "sidecars",
        "exports",
      ],
      newest: expect.any(Date),
    });
    expect(find(report, alive)).toBeUndefined();
    expect(report.users).toBeGreaterThan(0);
    expect(report.orphans.map((orphan) => orphan.userId)).toEqual(
      report.orphans.map((orphan) => orphan.userId).toSorted(),
    );
  });

  it("finds one by objects alone, and one by a single row", async () => {
    const byObject = await plantOrphan(3);
    const byRow = await plantOrphan(3);
    await adminSql().begin(async (sql) => {
      // An audit event goes in no other way.
      await sql`select set_config('session_replication_role', 'replica', true)`;
      await sql`delete from public.videos where user_id = ${byObject}`;
      for (const table of Object.keys(await countRowsLeft(byObject))) {
        await sql`delete from public.${sql(table)} where user_id = ${byObject}`;
      }
      await sql`delete from public.videos where user_id = ${byRow}`;
      for (const table of ["face_profiles", "rate_limits", "user_analytics", "consents"]) {
        await sql`delete from public.${sql(table)} where user_id = ${byRow}`;
      }
    });
    const report = await findOrphans(erasures, dayOld);
    expect(find(report, byObject)?.where).toEqual(["uploads", "thumbnails", "sidecars", "exports"]);
    expect(find(report, byRow)?.where).toContain("public.audit_events");
  });

  it("leaves alone who is younger than the minimum age, whatever the trace", async () => {
    const young = await plantOrphan(0);
    const youngObject = await plantOrphan(3);
    await adminSql()`update storage.objects set created_at = now()
      where name = ${`${youngObject}/export.zip`}`;
    const report = await findOrphans(erasures, dayOld);
    expect(find(report, young)).toBeUndefined();
    expect(find(report, youngObject)).toBeUndefined();
    expect(report.tooYoung).toBeGreaterThanOrEqual(2);
    expect(find(await findOrphans(erasures, { minAgeSeconds: 0 }), young)).toBeDefined();
  });

  it("leaves alone whose erasure is open or whose deletion was just recorded", async () => {
    const [open, deleted] = [await plantOrphan(3), await plantOrphan(3)];
    await adminSql()`insert into private.erasures (kind, user_id, origin, state, next_attempt_at)
      values ('user', ${open}, 'orphan', 'dead', now())`;
    await adminSql()`insert into private.auth_events (type, user_id, next_attempt_at)
      values ('user.deleted', ${deleted}, 'infinity')`;
    const report = await findOrphans(erasures, dayOld);
    expect(find(report, open)).toBeUndefined();
    expect(find(report, deleted)).toBeUndefined();
    await age(deleted, 3);
    expect(find(await findOrphans(erasures, dayOld), deleted)?.where)
      .toContain("private.auth_events");
    await adminSql()`update private.erasures set state = 'cancelled' where user_id = ${open}`;
  });

  it("takes a soft-deleted account for none", async () => {
    const { id } = await createUser();
    await seedUser(id);
    await age(id, 3);
    await adminSql().begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`update auth.users set deleted_at = now() where id = ${id}`;
    });
    expect(find(await findOrphans(erasures, dayOld), id)).toBeDefined();
  });

  it("goes on from page to page", async () => {
    const planted = [await plantOrphan(3), await plantOrphan(3), await plantOrphan(3)];
    const whole = await findOrphans(erasures, dayOld);
    const paged = await findOrphans(erasures, { ...dayOld, pageSize: 2 });
    for (const userId of planted) expect(find(paged, userId)).toEqual(find(whole, userId));
  });
});

describe("limits of a sweep", () => {
  it.each([
    [reportOf(1000, 101), { maxCount: 100, maxShare: 1 }, /101 orphans and the cap is 100/],
    [reportOf(1000, 51), { maxCount: 100, maxShare: 0.05 }, /51 orphans beside 1000 users .*5 %/],
    [reportOf(0, 1), { maxCount: 100, maxShare: 1 }, /no users at all/],
    [reportOf(0, 0), { maxCount: 100, maxShare: 1 }, /no users at all/],
    [reportOf(10, 2), { maxCount: 100, maxShare: 0.05 }, /2 orphans beside 10 users/],
  ])("refuses case %#", (report, limits, sentence) => {
    expect(() => assertWithinLimits(report, limits)).toThrow(SweepRefusedError);
    expect(() => assertWithinLimits(report, limits)).toThrow(sentence);
  });

  it.each([[reportOf(1000, 50)], [reportOf(10, 1)], [reportOf(1, 0)]])(
    "lets case %# pass",
    (report) => {
      expect(() => assertWithinLimits(report, { maxCount: 100, maxShare: 0.05 })).not.toThrow();
    },
  );
});

describe.runIf(hasAdminSql())("eraseOrphans", () => {
  let erasures: TestErasures;
  beforeAll(() => {
    erasures = openErasures();
  });
  afterAll(() => erasures.close());

  const generous = { maxCount: 100, maxShare: 1 };

  it("erases through the same job, and nobody else", async () => {
    const userId = await plantOrphan(3);
    const { id: bystander } = await createUser();
    await seedUser(bystander);
    const found = await findOrphans(erasures, dayOld);
    const report = { ...found, orphans: found.orphans.filter((each) => each.userId === userId) };
    const [erasure] = await eraseOrphans(erasures, report, generous);
    expect(erasure).toMatchObject({ userId, origin: "orphan", state: "pending" });
    const done = await runErasure(erasures, erasure?.erasureId ?? "", later(erasures));
    expect(done.state).toBe("provisional");
    await expectNothingLeft(userId);
    await expectUntouched(bystander);
    expect(find(await findOrphans(erasures, dayOld), userId)).toBeUndefined();
  });

  it("asks for nothing when a limit is passed", async () => {
    const userId = await plantOrphan(3);
    const found = await findOrphans(erasures, dayOld);
    await expect(eraseOrphans(erasures, found, { maxCount: 0, maxShare: 1 })).rejects.toThrow(
      SweepRefusedError,
    );
    expect(await adminSql()`select from private.erasures where user_id = ${userId}`)
      .toHaveLength(0);
  });

  it("refuses a user who has an account after all", async () => {
    const { id } = await createUser();
    await seedUser(id);
    const report = { ...reportOf(10, 0), orphans: [{ userId: id, where: [], newest: null }] };
    await expect(eraseOrphans(erasures, report, generous)).rejects.toMatchObject({
      code: "user_still_exists",
    });
    await expectUntouched(id);
  });
});

describe.runIf(hasAdminSql())("an empty auth.users and the former system", () => {
  /** In a transaction that is rolled back: no other test sees what it does. */
  async function inside(
    scene: (sql: Transaction) => Promise<void>,
    work: (database: TestErasures["database"], sql: Transaction) => Promise<void>,
    isolation = "isolation level read committed",
  ): Promise<void> {
    const connection = openConnection(useStack().adminDatabaseUrl ?? "");
    await connection.begin(isolation, async (outer) => {
      await scene(outer);
      const asService = <T>(fn: (sql: Transaction) => Promise<T>) =>
        outer.savepoint(fn) as Promise<T>;
      await work({ asService }, outer);
      throw new RollBack();
    }).catch((error) => {
      if (!(error instanceof RollBack)) throw error;
    });
    await connection.end();
  }

  it("is not believed: a sweep is refused", async () => {
    await plantOrphan(3);
    await inside(async (sql) => {
      await sql`set local session_replication_role = replica`;
      // Whoever has a lock on one of the users ends first, and does not wait for another of them.
      await sql`lock table auth.users in exclusive mode`;
      await sql`delete from auth.users`;
    }, async (database) => {
      const report = await findOrphans({ database }, dayOld);
      expect(report.users).toBe(0);
      expect(report.orphans.length).toBeGreaterThan(0);
      expect(() => assertWithinLimits(report, { maxCount: 1e6, maxShare: 1 }))
        .toThrow(/Supabase Auth has no users at all/);
    });
  });

  it("is refused while users tables still hold users, and counted as unknown", async () => {
    await inside(async (sql) => {
      await sql`delete from private.legacy_removals`;
      await sql`create table public.users (user_id uuid)`;
      await sql`insert into public.users values (gen_random_uuid())`;
      await sql`delete from private.orphan_counts`;
    }, async (database, sql) => {
      await expect(findOrphans({ database }, dayOld)).rejects.toThrow(SweepRefusedError);
      expect(await countOrphansDaily({ database, log: () => {} })).toBe(true);
      expect(
        await sql`select orphans, counted_at is not null as counted from private.orphan_counts`,
      )
        .toEqual([{ orphans: null, counted: true }]);
    });
  });

  it("is counted once a day, by whoever comes first", async () => {
    const userId = await plantOrphan(3);
    await inside(async (sql) => {
      await sql`delete from private.orphan_counts`;
    }, async (database, sql) => {
      const lines: Record<string, unknown>[] = [];
      const context = { database, log: (line: Record<string, unknown>) => lines.push(line) };
      const report = await findOrphans(context, dayOld);
      expect(find(report, userId)).toBeDefined();
      expect(await countOrphansDaily(context)).toBe(true);
      expect(await countOrphansDaily(context)).toBe(false);
      const [row] = await sql`select * from private.orphan_counts`;
      expect(row).toMatchObject({ users: report.users, orphans: report.orphans.length });
      expect(row?.places["public.videos"]).toBeGreaterThan(0);
      expect(JSON.stringify(row)).not.toContain(userId);
      expect(lines).toEqual([]);

      await sql`update private.orphan_counts set counted_at = null`;
      expect(await countOrphansDaily(context), "another process is counting").toBe(false);
      await sql`update private.orphan_counts set started_at = now() - interval '16 minutes'`;
      expect(await countOrphansDaily(context), "that process has ended").toBe(true);
      // Other tests create users meanwhile; both counts are to see the same ones.
    }, "isolation level repeatable read");
  });
});

class RollBack extends Error {}
