import { beforeEach, describe, expect, test } from "vitest";
import { listMigrationVersions } from "../../../cli/push-migrations.ts";
import { moveObjects } from "../../../shared/legacy/objects/move-objects.ts";
import { previewPurge, purge } from "../../../shared/legacy/purge/purge.ts";
import { rollBack } from "../../../shared/legacy/rollback/rollback.ts";
import { isLongRun } from "../../support/size.ts";
import {
  cutOverNow,
  movingTimeout,
  pushAlone,
  storeObjects,
  useMovingWorld,
} from "./support/moving-world.ts";

const moving = useMovingWorld();

beforeEach(() => storeObjects(moving));

describe("a purge", { timeout: movingTimeout }, () => {
  test("deletes the archive and the map, once and for all", async () => {
    await cutOverNow(moving);
    expect(await previewPurge(moving.sql)).toMatchObject({ users: 4 });
    const { purgedAt, dropped } = await purge(moving.sql);
    expect([...dropped].sort()).toEqual([
      "email_verification_tokens",
      "kept_owners",
      "rate_limits",
      "refresh_tokens",
      "scene_words",
      "users",
    ]);
    const [left] = await moving.sql`
      select to_regnamespace('legacy_archive') as archive,
        (select users_removed from private.legacy_removals) as removed,
        (select count(*)::int from private.legacy_exports) as map,
        (select count(*)::int from private.legacy_verifications) as verifications,
        (select count(*)::int from public.videos) as videos`;
    expect(left).toEqual({ archive: null, removed: 4, map: 0, verifications: 0, videos: 4 });

    expect(await purge(moving.sql)).toEqual({ purgedAt, dropped: [] });
    const back = rollBack(moving.ctx, { knownVersions: await listMigrationVersions() });
    await expect(back).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/was purged at .* there is no way back/),
    });
    await expect(cutOverNow(moving)).rejects.toMatchObject({ kind: "refused" });
  });

  // It waits ten seconds for a lock.
  test.runIf(isLongRun)("is refused while somebody uses the tables", async () => {
    await cutOverNow(moving);
    const reader = await moving.world.sql().reserve();
    try {
      await reader`begin`;
      await reader`select count(*) from public.scenes`;
      await expect(purge(moving.sql)).rejects.toMatchObject({
        kind: "refused",
        message: expect.stringMatching(/in use by a long transaction/),
      });
    } finally {
      await reader`rollback`;
      reader.release();
    }
    expect((await purge(moving.sql)).dropped).toHaveLength(6);
  });

  test("is refused before the cutover", async () => {
    for (const attempt of [purge, previewPurge]) {
      await expect(attempt(moving.sql)).rejects.toMatchObject({
        kind: "refused",
        message: expect.stringMatching(/there is no archive to purge/),
      });
    }
  });

  test("is refused while objects lie under old keys", async () => {
    await pushAlone(moving);
    await expect(purge(moving.sql)).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/^1\d objects still lie .* "heimdex legacy cutover"/),
    });
    await moveObjects(moving.ctx);
    expect((await purge(moving.sql)).dropped).toHaveLength(6);
  });
});
