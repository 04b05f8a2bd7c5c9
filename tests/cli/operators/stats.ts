import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { heimdexHere } from "../../support/heimdex.ts";
import type { OwnStack } from "../../support/own-stack.ts";

export function testStats(own: OwnStack): void {
  describe("heimdex stats", () => {
    let folder: string;
    const run = (...args: string[]) =>
      heimdexHere(["stats", ...args], { DATABASE_URL: own.stack.databaseUrl }, {
        now: () => new Date("2026-09-10T12:00:00Z"),
      });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "heimdex-stats-"));
      await own.sql`
        insert into private.analytics_daily (day, event_type, events, users) values
          ('2026-09-08', 'registered', 8, 8), ('2026-09-08', 'onboarded', 3, 3),
          ('2026-09-09', 'onboarded', 2, 2), ('2026-09-09', 'searched', 40, 5),
          ('2026-09-10', 'uploaded_video', 4, 2), ('2026-09-10', 'erased', 1, 1),
          ('2026-09-10', 'invented', 99, 9), ('2026-08-01', 'searched', 7, 1)`;
      await own.sql`insert into public.user_analytics (user_id, event_type)
        values (gen_random_uuid(), 'searched')`;
    });
    afterAll(async () => {
      await own.sql`delete from public.user_analytics`;
      await own.sql`delete from private.analytics_daily`;
      await rm(folder, { recursive: true });
    });

    it("shows each day and the whole period as a table", async () => {
      const { code, out } = await run("--days", "3");
      expect(code).toBe(0);
      expect(out.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
        [
          "day",
          "registered",
          "onboarded",
          "uploaded_video",
          "searched",
          "erased",
          "onboarding_rate",
        ],
        ["2026-09-08", "8", "3", "0", "0", "0", "37.5 %"],
        ["2026-09-09", "0", "2", "0", "40", "0", "-"],
        ["2026-09-10", "0", "0", "4", "0", "1", "-"],
        ["all", "8", "5", "4", "40", "1", "62.5 %"],
        ["1 newer events are counted by the next drain"],
      ]);
    });

    it("writes the same as JSON, for the period it is told", async () => {
      const { code, out } = await run("--from", "2026-08-01", "--to", "2026-09-08", "--json");
      const stats = JSON.parse(out);
      expect({ code, ...stats, days: stats.days.length }).toEqual({
        code: 0,
        from: "2026-08-01",
        to: "2026-09-08",
        days: 39,
        totals: { registered: 8, onboarded: 3, uploaded_video: 0, searched: 7, erased: 0 },
        onboarding_rate: 0.375,
        uncounted: 1,
      });
      expect(stats.days[0]).toMatchObject({ day: "2026-08-01", searched: { events: 7, users: 1 } });
    });

    it("writes a report that needs nothing from elsewhere and that can be read without seeing", async () => {
      const path = join(folder, "report.html");
      const { code, err } = await run("--days", "3", "--html", path, "--json");
      expect({ code, err }).toEqual({ code: 0, err: `Report written to ${path}\n` });
      const html = await readFile(path, "utf8");
      expect(html).not.toMatch(/<script|<link|<img|https?:|@import|url\(/);
      expect(html).toContain("default-src 'none'");
      const charts = html.match(/<svg[\s\S]+?<\/svg>/g) ?? [];
      expect(charts).toHaveLength(5);
      for (const chart of charts) {
        const [, title, description] = /aria-labelledby="(\S+) (\S+)"/.exec(chart) ?? [];
        expect(chart).toContain(`<title id="${title}">`);
        expect(chart).toContain(`<desc id="${description}">`);
        expect(chart.match(/class="bar"/g)).toHaveLength(3);
        expect(chart).not.toContain("NaN");
      }
      expect(html).toContain(
        '<th scope="row">2026-09-09</th><td>0</td><td>2</td><td>0</td><td>40</td>',
      );
    });

    it("draws a long period by the week", async () => {
      const path = join(folder, "long.html");
      await run("--days", "365", "--html", path);
      const [chart = ""] = (await readFile(path, "utf8")).match(/<svg[\s\S]+?<\/svg>/) ?? [];
      expect(chart.match(/class="bar"/g)).toHaveLength(53);
    });

    it.each([
      { args: ["--from", "2026-09-11"], why: "a period that ends before it begins" },
      { args: ["--from", "2020-01-01"], why: "a period that is too long" },
      { args: ["--to", "2026-02-30"], why: "a day that is none" },
      { args: ["--html", "/nowhere/at/all.html"], why: "a file that cannot be written" },
    ])("exits 2 on $why", async ({ args }) => {
      expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringMatching(/\S/) });
    });
  });
}
