import { afterEach, describe, expect, it } from "vitest";
import { rollUpAnalytics } from "../../../shared/analytics/roll-up.ts";
import type { OwnStack } from "../../support/own-stack.ts";

const [ann, bob] = [
  "aaaaaaaa-0000-4000-8000-00000000a001",
  "bbbbbbbb-0000-4000-8000-00000000b002",
];

export function testAnalytics(own: OwnStack): void {
  describe("the daily totals of the analytics", () => {
    afterEach(async () => {
      await own.sql`delete from public.user_analytics`;
      await own.sql`delete from private.analytics_daily`;
    });

    const add = (userId: string, type: string, at: string) =>
      own.sql`insert into public.user_analytics (user_id, event_type, created_at)
        values (${userId}, ${type}, ${at})`;
    const readTotals = async () => [
      ...await own.sql`
        select day::text as day, event_type as type, events::int as events, users::int as users
        from private.analytics_daily order by 1, 2`,
    ];
    const rollUp = (analyticsDays = 3650) =>
      rollUpAnalytics(
        { database: own.erasures.database, analyticsDays, now: () => new Date() },
        new Date(Date.now() + 10_000),
      );

    it("count each event once and each user once a day, in days of UTC", async () => {
      await add(ann, "searched", "2026-10-01T00:00:00Z");
      await add(ann, "searched", "2026-10-01T23:59:59.999Z");
      await add(bob, "searched", "2026-10-01T12:00:00Z");
      await add(ann, "searched", "2026-10-02T00:30:00+01:00");
      await add(ann, "searched", "2026-10-02T00:00:00Z");
      expect(await rollUp()).toEqual({ counted: 5, swept: 0 });
      expect(await readTotals()).toEqual([
        { day: "2026-10-01", type: "searched", events: 4, users: 2 },
        { day: "2026-10-02", type: "searched", events: 1, users: 1 },
      ]);
    });

    it("stay the same when the roll-up runs again, and take late rows in", async () => {
      await add(ann, "searched", "2026-10-01T10:00:00Z");
      await rollUp();
      expect(await rollUp()).toEqual({ counted: 0, swept: 0 });
      await add(ann, "searched", "2026-10-01T09:00:00Z");
      await add(bob, "searched", "2026-10-01T09:00:00Z");
      await rollUp();
      expect(await readTotals()).toEqual([
        { day: "2026-10-01", type: "searched", events: 3, users: 2 },
      ]);
    });

    it("stay right when a roll-up is killed before it commits, and when two run at once", async () => {
      await add(ann, "searched", "2026-10-01T10:00:00Z");
      const killed = new Error("killed");
      await own.sql.begin(async (sql) => {
        await sql`select private.roll_up_analytics(100)`;
        throw killed;
      }).catch((error) => expect(error).toBe(killed));
      expect(await readTotals()).toEqual([]);
      const counts = await Promise.all([rollUp(), rollUp(), rollUp()]);
      expect(counts.reduce((sum, { counted }) => sum + counted, 0)).toBe(1);
      expect(await readTotals()).toEqual([
        { day: "2026-10-01", type: "searched", events: 1, users: 1 },
      ]);
    });

    it("keep what erased users did, counted before or not, page by page", async () => {
      await add(ann, "searched", "2026-10-01T10:00:00Z");
      await rollUp();
      await add(ann, "searched", "2026-10-01T11:00:00Z");
      await add(ann, "searched", "2026-10-01T12:00:00Z");
      await add(ann, "uploaded_video", "2026-10-01T12:00:00Z");
      const page = () =>
        own.sql`delete from public.user_analytics where event_id in (
          select event_id from public.user_analytics where user_id = ${ann}
          order by created_at desc, event_type limit 2)`;
      for (let pages = 0; pages < 3; pages++) await page();
      expect(await own.sql`select from public.user_analytics`).toHaveLength(0);
      await rollUp();
      expect(await readTotals()).toEqual([
        { day: "2026-10-01", type: "searched", events: 3, users: 1 },
        { day: "2026-10-01", type: "uploaded_video", events: 1, users: 1 },
      ]);
      const names = await own.sql`select column_name from information_schema.columns
        where table_schema = 'private' and table_name = 'analytics_daily'`;
      expect(names.map(({ column_name }) => column_name)).not.toContain("user_id");
    });

    it("stay when events past their days are swept, which spares what counts a user once", async () => {
      await add(ann, "searched", "2026-10-01T10:00:00Z");
      await add(ann, "onboarded", "2026-10-01T10:00:00Z");
      await add(ann, "searched", new Date().toISOString());
      expect(await rollUp(30)).toEqual({ counted: 3, swept: 1 });
      const left = await own.sql`select event_type from public.user_analytics order by created_at`;
      expect(left.map(({ event_type }) => event_type)).toEqual(["onboarded", "searched"]);
      expect(await readTotals()).toHaveLength(3);
    });

    it("are counted by the drain", async () => {
      await add(ann, "searched", new Date().toISOString());
      const { url, environment } = own.stack;
      const response = await fetch(`${url}/functions/v1/auth-webhook/drain`, {
        method: "POST",
        headers: { authorization: `Bearer ${environment.HEIMDEX_CRON_SECRET}` },
      });
      await response.body?.cancel();
      expect(await readTotals()).toMatchObject([{ type: "searched", events: 1, users: 1 }]);
    });

    it("are closed to every client", async () => {
      for (const role of ["anon", "authenticated", "service_role"]) {
        const [row] = await own.sql`
          select has_table_privilege(${role}, 'private.analytics_daily', 'select') as may`;
        expect(row?.may, role).toBe(false);
      }
    });
  });
}
