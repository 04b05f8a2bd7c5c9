import process from "node:process";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLegacySchema } from "../../cli/legacy/sample/write.ts";
import { pushMigrations } from "../../local/bootstrap/mod.ts";
import { type LegacyWorld, startLegacyWorld } from "../../local/legacy-world.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { isLongRun, testSize } from "../support/size.ts";
import { type LegacyModel, legacyModel } from "./support/arbitraries.ts";
import { runJson, settingsOf } from "./support/command.ts";
import { expectMoved, expectOldObjects } from "./support/expect-moved.ts";
import { moveByCommands } from "./support/move.ts";
import { describeLegacyShape, hashRows } from "./support/rows.ts";
import { contentTypeOf, seedAccounts, seedObjects, seedRows } from "./support/seed.ts";
import { describeModel, type WrittenModel } from "./support/write-model.ts";

const numRuns = testSize({ sampled: 1, long: 25 });
const timeout = isLongRun ? 1_800_000 : 120_000;

/** Makes one random legacy database after the other go there and back. */
async function expectRoundTrips(roundTrip: (written: WrittenModel) => Promise<void>) {
  const property = fc.asyncProperty(legacyModel, async (model: LegacyModel) => {
    await roundTrip(await describeModel(model));
  });
  const seed = Number(process.env.HEIMDEX_TEST_SEED ?? Date.now() % 2 ** 31);
  // A smaller example would cost many moves, and a whole database says less than how to make it.
  const { failed, errorInstance } = await fc.check(property, { seed, numRuns, endOnFailure: true });
  if (failed) {
    const again = `run it again with HEIMDEX_TEST_SEED=${seed}`;
    throw new Error(`A legacy database did not come back: ${again}`, { cause: errorInstance });
  }
}

/** A foreign key that rows break already can only come back as one that holds new rows. */
function breakKeys(shape: string[], { rows }: WrittenModel): string[] {
  const users = new Set(rows.users.map(({ user_id }) => user_id));
  const broken = (["videos", "face_profiles"] as const).filter((table) =>
    rows[table].some(({ user_id }) => !users.has(user_id))
  );
  return shape.map((line) =>
    broken.some((table) => line.startsWith(`${table}: ${table}_user_id_fkey `))
      ? `${line} NOT VALID`
      : line
  );
}

describe("a legacy database in the project's own", () => {
  let world: LegacyWorld;

  beforeAll(async () => {
    world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
  });
  afterAll(() => world?.stop());

  it("was adopted by a push that only the removal refused", () => {
    expect(world.log).toEqual([
      expect.stringContaining("1 of 1 legacy users are not exported"),
    ]);
  });

  it("goes to Supabase Auth and back without losing a user or a row", { timeout }, async () => {
    await expectRoundTrips(async (written) => {
      await world.reset();
      await seedRows(world.sql(), written.rows);
      await seedAccounts(world.stack, written.accounts);
      await seedObjects(world.stack, written.objects);
      const before = await hashRows(world.sql());
      const shape = await describeLegacyShape(world.sql());
      const settings = settingsOf(world.stack);

      const decisions = await moveByCommands(settings);
      await expectMoved(world, written, decisions);
      await runJson(["legacy", "rollback", "--yes"], settings);

      expect(await hashRows(world.sql())).toEqual(before);
      expect(await describeLegacyShape(world.sql())).toEqual(breakKeys(shape, written));
      await expectOldObjects(world, written);
      // Whoever rolled back does not want the next push to cut over again.
      await expect(pushMigrations(world.stack.databaseUrl)).rejects.toThrow(
        "not exported to Supabase Auth and verified",
      );
    });
  });
});

describe("a legacy database of its own, with objects in S3", () => {
  let world: LegacyWorld;
  let s3: S3Server;

  beforeAll(async () => {
    [world, s3] = await Promise.all([
      startLegacyWorld({ project: "empty", createTables: createLegacySchema }),
      startS3Server({ buckets: ["uploads", "thumbnails", "sidecars"] }),
    ]);
  });
  afterAll(async () => {
    await s3?.stop();
    await world?.stop();
  });

  it("goes to Supabase Auth and back without losing a user or a row", { timeout }, async () => {
    await expectRoundTrips(async (written) => {
      await world.reset();
      await seedRows(world.legacySql(), written.rows);
      await seedAccounts(world.stack, written.accounts);
      for (const { bucket, key, body } of written.objects) {
        await s3.put(bucket, key, body, contentTypeOf(key));
      }
      const before = await hashRows(world.legacySql());
      const { legacyUrl } = world;
      const settings = settingsOf(world.stack, { legacyUrl, s3: s3.environment });

      const decisions = await moveByCommands(settings, { load: true });
      await expectMoved(world, written, decisions);
      await runJson(["legacy", "rollback", "--yes"], settings);

      expect(await hashRows(world.sql())).toEqual(before);
      expect(await hashRows(world.legacySql())).toEqual(before);
      await expectOldObjects(world, written);
    });
  });
});
