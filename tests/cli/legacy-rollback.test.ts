import { describe, expect, test } from "vitest";
import { runCommand, settingsOf, startCommand } from "../legacy/support/command.ts";
import {
  cutOverNow,
  expectLegacyRows,
  listKeys,
  movingTimeout,
  people,
  storeObjects,
  useMovingWorld,
  videoKeyOf,
} from "../shared/legacy/support/moving-world.ts";

const moving = useMovingWorld();
const run = (...args: string[]) =>
  runCommand(["legacy", "rollback", ...args], settingsOf(moving.world.stack));

describe("heimdex legacy rollback", { timeout: movingTimeout }, () => {
  test("asks for --yes and changes nothing without it", async () => {
    expect(await run()).toMatchObject({
      code: 2,
      err: expect.stringContaining("say --yes to do it. Nothing was changed"),
    });
  });

  test("takes away what was prepared, and says what stays", async () => {
    expect(await run("--yes")).toMatchObject({
      code: 0,
      out: [
        "The users tables were there: what was prepared for the cutover is taken away",
        "Accounts in Supabase Auth that stay: 4",
      ].join("\n"),
    });
  });

  test("puts everything back and reports it", async () => {
    await storeObjects(moving);
    await cutOverNow(moving);
    const { code, out } = await run("--yes", "--json");
    expect({ code, ...JSON.parse(out) }).toEqual({
      code: 0,
      from: "removed",
      accounts_kept: 4,
      objects: { moved: 16, missing: 3, failed: [] },
      users: { added: 0, without_email: 0 },
      unvalidated_keys: [],
      videos_without_owner: false,
    });
    await expectLegacyRows(moving);
  });

  test("killed at any moment it is taken up by the next run", async () => {
    await storeObjects(moving);
    await cutOverNow(moving);
    const args = ["legacy", "rollback", "--yes", "--concurrency", "1"];
    for (const left of [15, 9, 4]) {
      const command = startCommand(args, settingsOf(moving.world.stack));
      await waitUntil(async () => {
        const [row] = await moving.sql<[{ ready: boolean }]>`
          select count(*) <= ${left} or not exists (select from private.legacy_removals) as ready
          from private.legacy_object_moves`;
        return row.ready;
      });
      command.kill({ all: true });
      await command.ended;
    }
    expect(await run("--yes")).toMatchObject({ code: 0 });
    await expectLegacyRows(moving);
    expect(await listKeys(moving, "uploads")).toContain(videoKeyOf(people.ann));
  });
});

async function waitUntil(isReady: () => Promise<boolean>): Promise<void> {
  while (!await isReady()) await new Promise((resolve) => setTimeout(resolve, 5));
}
