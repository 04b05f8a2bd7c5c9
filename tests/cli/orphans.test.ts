import { describe, expect, it } from "vitest";
import { seedUser } from "../shared/erasure/support.ts";
import { heimdex } from "../support/heimdex.ts";
import { adminSql, hasAdminSql } from "../support/sql.ts";
import { knowsSetting, useStack } from "../support/stack.ts";

const run = (...args: string[]) => heimdex(["orphans", ...args], useStack().environment);

/** Other files leave orphans behind: only those of a test are erased by it. */
const generous = ["--max-share", "100", "--min-age", "0"];

async function plantOrphan(): Promise<string> {
  const userId = crypto.randomUUID();
  await seedUser(userId);
  return userId;
}

async function readErasures(userId: string) {
  return [
    ...await adminSql()`select origin, kind from private.erasures where user_id = ${userId}`,
  ];
}

describe.runIf(hasAdminSql() && knowsSetting("HEIMDEX_RECEIPT_KEY"))("heimdex orphans", () => {
  it("list shows who is left and where, and says nothing of what is younger", async () => {
    const userId = await plantOrphan();
    const { code, out } = await run("list", "--min-age", "0", "--json");
    const report = JSON.parse(out);
    expect(code).toBe(0);
    expect(report.users).toBeGreaterThan(0);
    expect(report.orphans).toContainEqual({
      user_id: userId,
      newest: expect.any(String),
      where: expect.arrayContaining(["public.videos", "uploads"]),
    });
    const older = await run("list");
    expect(older.code).toBe(0);
    expect(older.out).not.toContain(userId);
    expect(older.out).toMatch(/\d+ orphans beside \d+ users, \d+ more younger or under way/);
  });

  it("erase shows what it would do and does nothing without --yes", async () => {
    const userId = await plantOrphan();
    const { code, out } = await run("erase", "--user", userId, ...generous);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringContaining("Nothing was erased: give --yes to do it"),
    });
    expect(out).toContain(userId);
    expect(await readErasures(userId)).toEqual([]);
  });

  it("erase --yes asks for the erasure through the same job, of those named alone", async () => {
    const [userId, other] = [await plantOrphan(), await plantOrphan()];
    const { code, out } = await run("erase", "--user", userId, "--yes", "--json", ...generous);
    const report = JSON.parse(out);
    expect({ code, ...report }).toMatchObject({
      code: 0,
      dry_run: false,
      orphans: [{ user_id: userId }],
      erasures: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
    });
    expect(await readErasures(userId)).toEqual([{ origin: "orphan", kind: "user" }]);
    expect(await readErasures(other)).toEqual([]);
    await expect.poll(
      async () =>
        (await adminSql()`select state from private.erasures
          where erasure_id = ${report.erasures[0]}`)[0]?.state,
      { timeout: 20_000 },
    ).toBe("provisional");
  });

  it("refuses with a sentence of its own and exit code 4 beyond a cap", async () => {
    const userId = await plantOrphan();
    for (
      const [option, value] of [["--max-count", "0"], ["--max-share", "0"]] as const
    ) {
      const options = ["--min-age", "0", "--max-count", "1000000", "--max-share", "100"];
      const { code, err } = await run("erase", "--yes", ...options, option, value);
      expect({ code, err }).toEqual({
        code: 4,
        err: expect.stringMatching(/^There are \d+ orphans .*the cap is 0.*\n$/),
      });
    }
    expect(await readErasures(userId)).toEqual([]);
  });

  it("exits 2 for a user who is no orphan", async () => {
    const stranger = crypto.randomUUID();
    expect(await run("erase", "--user", stranger, ...generous)).toMatchObject({
      code: 2,
      err: `"${stranger}" is no orphan: see heimdex orphans list\n`,
    });
  });
});
