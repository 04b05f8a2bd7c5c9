import { describe, expect, test } from "vitest";
import { runCommand, settingsOf } from "../legacy/support/command.ts";
import {
  expectLegacyRows,
  movingTimeout,
  storeObjects,
  useMovingWorld,
  verifyNow,
} from "../shared/legacy/support/moving-world.ts";

const moving = useMovingWorld();
const run = (args: string[], settings = {}) =>
  runCommand(["legacy", ...args], { ...settingsOf(moving.world.stack), ...settings });

describe("heimdex legacy cutover", { timeout: movingTimeout }, () => {
  test("exits 4 with a sentence and no change while the move is not verified", async () => {
    await verifyNow(moving.world.sql(), false);
    expect(await run(["cutover"])).toEqual({
      code: 4,
      out: "",
      err: "Cannot cut over: the last verification did not pass: run " +
        '"heimdex legacy verify" until it reports no mismatch. Nothing was changed',
    });
    await expectLegacyRows(moving);
  });

  test("exits 2 for a pooler, which keeps no lock, as load and export do", async () => {
    const url = new URL(moving.world.stack.databaseUrl);
    url.searchParams.set("pgbouncer", "true");
    for (const verb of ["cutover", "load", "export"]) {
      const { code, err } = await run([verb], { SUPABASE_DB_URL: url.href });
      expect({ verb, code, err }).toEqual({
        verb,
        code: 2,
        err: expect.stringContaining("give the direct connection, port 5432"),
      });
    }
  });

  test("cuts over, says so, and is done when it runs again", async () => {
    await storeObjects(moving);
    const { code, out } = await run(["cutover", "--batch", "3", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      removed: true,
      users: 4,
      filled: { rows_read: 46, rows_changed: 42 },
      objects: { moved: 16, missing: 3, failed: [] },
      erasures: { released: 0, held: 0 },
    });
    expect(await run(["cutover"])).toMatchObject({
      code: 0,
      out: [
        "The users tables were removed before: 4 legacy users are in Supabase Auth alone",
        "Objects moved: 0",
        "Objects that rows name and Storage does not have: 3",
      ].join("\n"),
    });
  });

  test("exits 1 when an object has to stay where it is", async () => {
    await storeObjects(moving);
    await run(["cutover"]);
    await moving.world.sql()`update private.legacy_object_moves set state = 'pending'
      where old_key like '%left-behind.jpg'`;
    const [move] = await moving.sql<{ old_key: string; new_key: string }[]>`
      select old_key, new_key from private.legacy_object_moves where state = 'pending'`;
    await moving.admin.storage.from("thumbnails").upload(move?.old_key ?? "", "larger", {
      contentType: "image/jpeg",
    });
    const { code, out } = await run(["cutover"]);
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringMatching(
        /Objects that stay where they are: 1\nbucket +key +reason\nthumbnails +.*left-behind\.jpg/,
      ),
    });
  });
});

describe("heimdex legacy purge", { timeout: movingTimeout }, () => {
  test("asks for --yes, purges once, and is done when it runs again", async () => {
    expect(await run(["purge", "--yes"])).toMatchObject({
      code: 4,
      err: expect.stringContaining("there is no archive to purge"),
    });
    await run(["cutover"]);
    expect(await run(["purge"])).toMatchObject({
      code: 2,
      err: "The archive holds 4 users in 6 tables and cannot be brought back: say --yes to " +
        "delete it. Nothing was purged",
    });
    expect(await run(["purge", "--yes"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Purged 6 tables of the legacy system: .*users/),
    });
    const again = await run(["purge", "--yes", "--json"]);
    expect({ code: again.code, ...JSON.parse(again.out) }).toMatchObject({ code: 0, dropped: [] });
    expect(await run(["rollback", "--yes"])).toMatchObject({
      code: 4,
      err: expect.stringContaining("there is no way back"),
    });
    expect(await run(["cutover"])).toMatchObject({ code: 4 });
  });
});
