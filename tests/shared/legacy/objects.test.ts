import { beforeEach, describe, expect, test } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import { LegacyError } from "../../../shared/legacy/errors.ts";
import {
  moveObjects,
  moveObjectsBack,
  type ObjectMoveContext,
} from "../../../shared/legacy/objects/move-objects.ts";
import type { ObjectStore } from "../../../shared/storage/object-store.ts";
import {
  listKeys,
  movingTimeout,
  people,
  pushAlone,
  store,
  storeObjects,
  thingOf,
  useMovingWorld,
  videoKeyOf,
} from "./support/moving-world.ts";

const moving = useMovingWorld();
const { ann, cid, dan } = people;
const buckets = ["uploads", "thumbnails", "sidecars"];
let objectsBefore: string[][];
let rowsBefore: string[];

beforeEach(async () => {
  await storeObjects(moving);
  await pushAlone(moving);
  objectsBefore = await listAll();
  rowsBefore = await readRowKeys();
});

const listAll = () => Promise.all(buckets.map((bucket) => listKeys(moving, bucket)));

/** Every key that a row names. */
async function readRowKeys(): Promise<string[]> {
  const rows = await moving.sql<{ key: string }[]>`
    select 'uploads ' || storage_key as key from public.videos
    union all select 'uploads ' || unnest(photo_keys) from public.face_profiles
    union all select 'thumbnails ' || thumbnail_key from public.scenes
    union all select 'sidecars ' || sidecar_key from public.scenes
    union all select 'thumbnails ' || thumbnail_url from public.video_metadata`;
  return rows.map(({ key }) => key).sort();
}

interface Break {
  call: "copy" | "remove";
  nth: number;
  when: "before" | "after";
}

/** The real store, at one call of which the run is killed, before or after that call's work. */
function killAt({ call, nth, when }: Break): ObjectMoveContext {
  const { objects } = moving.ctx;
  let calls = 0;
  const step = async <T>(name: Break["call"], work: () => Promise<T>): Promise<T> => {
    const kills = name === call && ++calls === nth;
    if (kills && when === "before") throw new LegacyError("outage", "killed");
    const result = await work();
    if (kills) throw new LegacyError("outage", "killed");
    return result;
  };
  return {
    sql: moving.sql,
    objects: {
      copy: (bucket, from, to) => step("copy", () => objects.copy(bucket, from, to)),
      remove: (bucket, keys) => step("remove", () => objects.remove(bucket, keys)),
      stat: (bucket, key) => objects.stat(bucket, key),
    },
  };
}

/** Whatever a row names can be read, but for the photos that never were there. */
async function expectReadable(): Promise<void> {
  for (const key of await readRowKeys()) {
    const [bucket = "", name = ""] = key.split(" ");
    if (name.endsWith("/2.jpg")) continue;
    expect(await moving.ctx.objects.stat(bucket, name), key).not.toBeNull();
  }
}

async function expectAllMoved(): Promise<void> {
  const keys = (await listAll()).flat();
  expect(keys).toHaveLength(objectsBefore.flat().length);
  const named = await readRowKeys();
  for (const { legacyId, supabaseId } of [ann, cid, dan]) {
    const mine = (key: string) => key.includes(thingOf({ legacyId }));
    for (const key of [...keys, ...named].filter(mine)) expect(key).toContain(`${supabaseId}/`);
  }
  const rows = await moving.sql`
    select state, count(*)::int from private.legacy_object_moves group by state order by state`;
  expect(rows).toEqual([{ state: "missing", count: 3 }, { state: "moved", count: 16 }]);
}

describe("moving objects", { timeout: movingTimeout }, () => {
  test.each<Break>([
    { call: "copy", nth: 1, when: "before" },
    { call: "copy", nth: 4, when: "after" },
    { call: "remove", nth: 1, when: "before" },
    { call: "remove", nth: 2, when: "after" },
    { call: "remove", nth: 5, when: "before" },
  ])("goes there and back when it is killed $when $call $nth", async (point) => {
    const options = { concurrency: 1, batchSize: 3 };
    await expect(moveObjects(killAt(point), options)).rejects.toThrow("killed");
    await expectReadable();
    await moveObjects(moving.ctx, options);
    await expectAllMoved();

    await expect(moveObjectsBack(killAt(point), options)).rejects.toThrow("killed");
    await expectReadable();
    await moveObjectsBack(moving.ctx, options);
    expect(await listAll()).toEqual(objectsBefore);
    expect(await readRowKeys()).toEqual(rowsBefore);
  });

  test("turns round half way, and back again", async () => {
    const options = { concurrency: 1, batchSize: 2 };
    const there = killAt({ call: "remove", nth: 3, when: "before" });
    await expect(moveObjects(there, options)).rejects.toThrow("killed");
    const back = killAt({ call: "remove", nth: 2, when: "after" });
    await expect(moveObjectsBack(back, options)).rejects.toThrow("killed");
    await expectReadable();
    await moveObjects(moving.ctx, options);
    await expectAllMoved();
  });

  test("keeps the bytes of two objects apart whose ids change places", async () => {
    await moving.ctx.objects.remove("thumbnails", [`${cid.legacyId}/cover.jpg`]);
    await moving.ctx.objects.put("thumbnails", `${cid.legacyId}/cover.jpg`, "cids", {
      contentType: "image/jpeg",
    });
    await moveObjects(moving.ctx);
    const read = async (key: string) =>
      new TextDecoder().decode(await moving.ctx.objects.get("thumbnails", key) ?? undefined);
    expect(await read(`${cid.supabaseId}/cover.jpg`)).toBe("cids");
    expect(await read(`${dan.supabaseId}/cover.jpg`)).toBe("four");
    await moveObjectsBack(moving.ctx);
    expect(await read(`${cid.legacyId}/cover.jpg`)).toBe("cids");
    expect(await read(`${dan.legacyId}/cover.jpg`)).toBe("four");
  });

  test("takes an object that came later", async () => {
    await moveObjects(moving.ctx);
    const late = `faces/${ann.legacyId}/${thingOf(ann)}/2.jpg`;
    await store(moving.admin, "uploads", late, "image/jpeg");
    expect(await moveObjects(moving.ctx)).toMatchObject({ moved: 1, missing: 2 });
    expect(await listKeys(moving, "uploads")).toContain(late.replace(ann.legacyId, ann.supabaseId));
  });

  test("leaves an object alone that stands in the way, and moves the others", async () => {
    const taken = `videos/${ann.supabaseId}/${thingOf(ann)}.mp4`;
    await store(moving.admin, "uploads", taken, "video/mp4");
    const report = await moveObjects(moving.ctx);
    expect(report).toMatchObject({ moved: 15, missing: 3 });
    expect(report.failed).toEqual([
      { bucket: "*", key: "1 objects", reason: "another object stands at its new key" },
    ]);
    expect(await listKeys(moving, "uploads")).toEqual(
      expect.arrayContaining([taken, videoKeyOf(ann)]),
    );
  });

  test("takes an object of another content for no copy, though it is as large", async () => {
    const taken = `videos/${ann.supabaseId}/${thingOf(ann)}.mp4`;
    await expect(moveObjects(killAt({ call: "copy", nth: 1, when: "before" }), { concurrency: 1 }))
      .rejects.toThrow("killed");
    const size = (await moving.ctx.objects.stat("uploads", videoKeyOf(ann)))?.size ?? 0;
    await moving.ctx.objects.put("uploads", taken, "x".repeat(size), { contentType: "video/mp4" });
    const { failed } = await moveObjects(moving.ctx);
    expect(failed).toEqual([
      { bucket: "uploads", key: videoKeyOf(ann), reason: "another object stands at its new key" },
    ]);
    expect(await listKeys(moving, "uploads")).toEqual(
      expect.arrayContaining([taken, videoKeyOf(ann)]),
    );
  });

  test("moves neither what is new nor what belongs to nobody", async () => {
    // Dan's id is the one that Cid had before: this is Dan's.
    const fresh = [`videos/${dan.supabaseId}/new.mp4`, `videos/${crypto.randomUUID()}/x.mp4`];
    for (const key of fresh) await store(moving.admin, "uploads", key, "video/mp4");
    await moveObjects(moving.ctx);
    expect(await listKeys(moving, "uploads")).toEqual(expect.arrayContaining(fresh));
  });

  test("ends with an outage when Storage stays away, and keeps what was done", async () => {
    const away: Pick<ObjectStore, "copy" | "remove" | "stat"> = {
      ...moving.ctx.objects,
      copy: () => Promise.reject(new AppError("storage_unavailable")),
    };
    await expect(moveObjects({ sql: moving.sql, objects: away }, { pauseMs: 1 })).rejects
      .toMatchObject({
        kind: "outage",
        message: expect.stringContaining("goes on where it stopped"),
      });
    expect(await readRowKeys()).toEqual(rowsBefore);
    await moveObjects(moving.ctx);
    await expectAllMoved();
  });
});
