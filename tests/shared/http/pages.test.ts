import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readEnv } from "../../../shared/env.ts";
import { cutPage, openPager } from "../../../shared/http/pages.ts";

const env = readEnv({
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  SUPABASE_DB_URL: "postgresql://127.0.0.1:9/postgres",
  HEIMDEX_CURSOR_KEY: "a key of 16 or more characters",
});
const shape = z.tuple([z.number()]);
const open = (query: Record<string, unknown>) => openPager(env, query, shape);

describe("openPager()", () => {
  it("reads its own cursors, and nothing of the first page", async () => {
    const pager = await open({ list: "things", user: "u" });
    expect(await pager.read(await pager.sign([7]))).toEqual([7]);
    expect(await pager.read(undefined)).toBeUndefined();
  });

  it.each([
    ["another user", { list: "things", user: "v" }],
    ["another filter", { list: "things", user: "u", state: "x" }],
  ])("refuses the cursor of %s", async (_name, query) => {
    const cursor = await (await open({ list: "things", user: "u" })).sign([7]);
    await expect((await open(query)).read(cursor)).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  });

  it("refuses a genuine cursor of another shape", async () => {
    const query = { list: "things", user: "u" };
    const older = openPager(env, query, z.tuple([z.string()]));
    const cursor = await older.sign(["seven"]);
    await expect((await open(query)).read(cursor)).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  });
});

describe("cutPage()", () => {
  it.each([
    [[], [], false],
    [[1, 2], [1, 2], false],
    [[1, 2, 3], [1, 2], true],
  ])("cuts %j to two rows", async (rows, page, hasMore) => {
    const pager = await open({ list: "things" });
    const cut = await cutPage(rows, 2, pager, (last) => [last]);
    expect(cut).toMatchObject({ rows: page, has_more: hasMore });
    expect(await pager.read(cut.next_cursor ?? undefined)).toEqual(hasMore ? [2] : undefined);
  });
});
