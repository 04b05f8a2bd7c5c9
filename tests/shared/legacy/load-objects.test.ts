import { createHash } from "node:crypto";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type postgres from "postgres";
import { createDeps, type Deps } from "../../../shared/http/deps.ts";
import { LegacyError } from "../../../shared/legacy/errors.ts";
import { loadObjects, type ObjectsOptions } from "../../../shared/legacy/load/load-objects.ts";
import { restoreUsersTables } from "../../../shared/legacy/rollback/restore-users-tables.ts";
import { deadPort } from "../../support/app.ts";
import { useOwnStack } from "../../support/own-stack.ts";
import { type S3Request, type S3Server, startS3Server } from "../../support/s3-server.ts";

const own = useOwnStack("legacy-objects");
const pair = { from: "media", to: "uploads" };

let deps: Deps;
let s3: S3Server;
let onRequest: (request: S3Request) => void | Promise<void> = () => {};
let requests: string[] = [];

beforeAll(() => {
  deps = { ...createDeps(own.env), log: () => {} };
  return () => deps.database.close();
});

beforeEach(async () => {
  s3 = await startS3Server({
    buckets: ["media", "empty"],
    onRequest: (request) => {
      requests.push(`${request.method} ${request.path}`);
      return onRequest(request);
    },
  });
});

afterEach(async () => {
  onRequest = () => {};
  await s3.stop();
  await own.sql`delete from private.legacy_objects`;
  const { objects } = await deps.objects.list("uploads");
  await deps.objects.remove("uploads", objects.map(({ key }) => key));
});

interface Load extends Partial<ObjectsOptions> {
  with?: Partial<Deps["env"]>;
}

async function load({ with: env, ...options }: Load = {}) {
  requests = [];
  const progress: [number, number][] = [];
  const sql: postgres.Sql = own.sql;
  const report = await loadObjects({ sql, deps: { ...deps, env: { ...own.env, ...env } } }, {
    s3,
    buckets: [pair],
    onBytes: (done, total) => progress.push([done, total]),
    ...options,
  });
  const gets = requests.filter((each) => /^GET \/media\/./.test(each));
  return { ...report, bucket: report.buckets[0], progress, gets };
}

async function refusalOf(work: Promise<unknown>): Promise<LegacyError> {
  const error = await work.then(() => undefined, (error: unknown) => error);
  if (error instanceof LegacyError) return error;
  throw new Error("Expected the load to end with a sentence", { cause: error });
}

const key = (index: number) => `videos/11111111-1111-4111-8111-111111111111/${index}.mp4`;
const bytes = (index: number) => new Uint8Array(10_000 + index).fill(index);
const md5 = (content: Uint8Array) => createHash("md5").update(content).digest("hex");

async function putAll(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await s3.put("media", key(index), bytes(index), "video/mp4");
  }
}

async function expectStored(index: number, content = bytes(index)): Promise<void> {
  const found = await deps.objects.get("uploads", key(index));
  expect(found && md5(found)).toBe(md5(content));
}

describe("the objects of a legacy bucket", () => {
  it("come with their bytes and types, and are recorded", async () => {
    await putAll(3);
    await s3.put("media", "faces/a/b/photo_1.png", "no type was named");
    await s3.put("media", "videos/a b+c/empty.mp4", "", "video/mp4");
    const { bucket, failures, progress } = await load();
    expect(bucket).toEqual({
      ...pair,
      objects: 5,
      copied: 5,
      bytes: 30_020,
      unchanged: 0,
      removed: 0,
      erased: 0,
      failed: 0,
    });
    expect(failures).toEqual([]);
    expect(progress.at(-1)).toEqual([30_020, 30_020]);
    await expectStored(2);
    expect(await deps.objects.stat("uploads", "faces/a/b/photo_1.png")).toEqual({
      size: 17,
      contentType: "image/png",
    });
    const rows = await own.sql`
      select key, size::int as size, md5 from private.legacy_objects
      where bucket = 'uploads' and key = ${key(1)}`;
    expect(rows).toEqual([{ key: key(1), size: 10_001, md5: md5(bytes(1)) }]);
  });

  it("are not copied again, unless they changed", async () => {
    await putAll(3);
    await load();
    await s3.put("media", key(1), bytes(9), "video/mp4");
    const { bucket, gets } = await load();
    expect(bucket).toMatchObject({ copied: 1, unchanged: 2 });
    expect(gets).toEqual([`GET /media/${key(1)}`]);
    await expectStored(1, bytes(9));
  });

  it("are copied again where Storage lost them or holds something else", async () => {
    await putAll(3);
    await load();
    await deps.objects.remove("uploads", [key(0)]);
    await deps.objects.put("uploads", key(1), "other", { contentType: "video/mp4", upsert: true });
    expect((await load()).bucket).toMatchObject({ copied: 2, unchanged: 1 });
    await Promise.all([0, 1, 2].map((index) => expectStored(index)));
  });

  it("are recorded without a copy when a killed run stored them", async () => {
    await putAll(2);
    await load();
    await own.sql`delete from private.legacy_objects where key = ${key(0)}`;
    const { bucket, gets } = await load();
    expect(bucket).toMatchObject({ copied: 0, unchanged: 2 });
    expect(gets).toEqual([]);
  });

  it("go from Storage when they are gone there, and no others do", async () => {
    await putAll(2);
    await load();
    await deps.objects.put("uploads", key(7), bytes(7), { contentType: "video/mp4" });
    await s3.client.removeObject("media", key(0));
    expect((await load()).bucket).toMatchObject({ objects: 1, removed: 1 });
    expect(await deps.objects.stat("uploads", key(0))).toBeNull();
    await Promise.all([1, 7].map((index) => expectStored(index)));
  });

  it("stay when the whole bucket is empty all at once", async () => {
    await putAll(2);
    await load();
    const error = await refusalOf(load({ buckets: [{ from: "empty", to: "uploads" }] }));
    expect(error).toMatchObject({
      kind: "refused",
      message: expect.stringContaining('"empty" is empty, and 2 objects were loaded'),
    });
    await expectStored(0);
  });

  it("come page after page", async () => {
    const count = 1_003;
    for (let start = 0; start < count; start += 50) {
      const page = Array.from({ length: Math.min(50, count - start) }, (_each, at) => start + at);
      await Promise.all(
        page.map((index) => s3.put("media", key(index), String(index), "video/mp4")),
      );
    }
    // A copy of all takes too long: most of them are there, as a killed run leaves them.
    const stored = Array.from({ length: count - 5 }, (_each, index) => ({
      name: key(index),
      metadata: {
        size: String(index).length,
        eTag: `"${md5(new TextEncoder().encode(String(index)))}"`,
      },
    }));
    await own.sql`
      insert into storage.objects (bucket_id, name, metadata)
      select 'uploads', name, metadata
      from jsonb_to_recordset(${
      JSON.stringify(stored)
    }::text::jsonb) as o (name text, metadata jsonb)`;
    const { bucket } = await load();
    // Storage fails to remove rows that it has no bytes of.
    await own.sql.begin(async (transaction) => {
      await transaction`select set_config('storage.allow_delete_query', 'true', true)`;
      await transaction`delete from storage.objects where name = any(${stored.map((o) => o.name)})`;
    });
    expect(bucket).toMatchObject({ objects: count, copied: 5, unchanged: count - 5, failed: 0 });
  });
});

describe("an object that changes while it is copied", () => {
  it("is copied as it is then", async () => {
    await putAll(2);
    let changed = false;
    onRequest = async ({ method, path }) => {
      if (changed || method !== "GET" || path !== `/media/${key(1)}`) return;
      changed = true;
      await s3.put("media", key(1), bytes(5), "video/mp4");
    };
    expect((await load()).bucket).toMatchObject({ copied: 2, failed: 0 });
    await expectStored(1, bytes(5));
  });

  it("is reported when it never stands still, and nothing of it is stored", async () => {
    await putAll(2);
    let version = 10;
    onRequest = async ({ method, path }) => {
      if (method !== "GET" || path !== `/media/${key(1)}`) return;
      await s3.put("media", key(1), bytes(version++), "video/mp4");
    };
    const { bucket, failures } = await load();
    expect(bucket).toMatchObject({ copied: 1, failed: 1 });
    expect(failures).toEqual([
      { bucket: "media", key: key(1), cause: "changed", detail: expect.stringMatching(/again$/) },
    ]);
    expect(await deps.objects.stat("uploads", key(1))).toBeNull();
  });

  it("is passed over when it is deleted", async () => {
    await putAll(2);
    onRequest = async ({ method, path }) => {
      if (method === "GET" && path === `/media/${key(1)}`) {
        await s3.client.removeObject("media", key(1));
      }
    };
    expect((await load()).bucket).toMatchObject({ objects: 2, copied: 1, failed: 0 });
  });
});

describe("objects that Storage does not take", () => {
  it("are reported with what to do, and do not keep the others", async () => {
    await putAll(1);
    await s3.put("media", "notes/readme.txt", "text", "text/plain");
    await s3.put("media", "videos/한글.mp4", "key", "video/mp4");
    const { bucket, failures } = await load();
    expect(bucket).toMatchObject({ copied: 1, failed: 2 });
    expect(failures.map(({ key, cause }) => [key, cause]).sort()).toEqual([
      ["notes/readme.txt", "InvalidMimeType"],
      ["videos/한글.mp4", "InvalidKey"],
    ]);
    expect(failures[0]?.detail).toContain("change the object or the limits of its bucket");
    await expectStored(0);
  });
});

describe("an object store that goes away in the middle", () => {
  it("ends the run with a sentence, and a further run copies only the rest", async () => {
    await putAll(6);
    let opened = 0;
    onRequest = ({ method, path }) => {
      if (method !== "GET" || path === "/media" || path === "/media/") return;
      if (opened++ >= 3) throw new Error("away");
    };
    const error = await refusalOf(load({ concurrency: 1 }));
    expect(error).toMatchObject({
      kind: "outage",
      message: expect.stringMatching(/does not answer .*goes on where it stopped/),
    });
    onRequest = () => {};
    expect((await load()).bucket).toMatchObject({ copied: 3, unchanged: 3 });
    await Promise.all([0, 1, 2, 3, 4, 5].map((index) => expectStored(index)));
  });

  it("is tried again first", async () => {
    await putAll(2);
    let failed = 0;
    onRequest = ({ method, path }) => {
      if (method === "GET" && path === `/media/${key(1)}` && failed++ < 2) throw new Error("away");
    };
    expect((await load()).bucket).toMatchObject({ copied: 2, failed: 0 });
  });
});

describe("settings that are wrong are refused before anything is copied", () => {
  beforeEach(() => putAll(1));
  afterEach(async () => {
    expect(await deps.objects.stat("uploads", key(0))).toBeNull();
  });

  it.each<[string, () => Load, LegacyError["kind"], RegExp]>([
    ["the secret key", () => ({ s3: { ...s3, secretKey: "wrong" } }), "usage", /refuses the keys/],
    ["the access key", () => ({ s3: { ...s3, accessKey: "wrong" } }), "usage", /refuses the keys/],
    [
      "the legacy bucket",
      () => ({ buckets: [{ from: "nowhere", to: "uploads" }] }),
      "usage",
      /has no bucket "nowhere".*--bucket/,
    ],
    [
      "the new bucket",
      () => ({ buckets: [{ from: "media", to: "nowhere" }] }),
      "usage",
      /Storage of this project has no bucket "nowhere"/,
    ],
    [
      "the endpoint",
      () => ({ s3: { ...s3, endpoint: "minio:9000" } }),
      "usage",
      /LEGACY_S3_ENDPOINT is no origin/,
    ],
    [
      "a dead endpoint",
      () => ({ s3: { ...s3, endpoint: `http://127.0.0.1:${deadPort}` } }),
      "outage",
      /does not answer/,
    ],
    [
      "the project's key",
      () => ({ with: { secretKey: "sb_secret_wrong" } }),
      "usage",
      /secret key/,
    ],
    [
      "a publishable key",
      () => ({ with: { secretKey: own.env.publishableKey } }),
      "usage",
      /publishable key/,
    ],
    [
      "a dead project",
      () => ({ with: { supabaseUrl: `http://127.0.0.1:${deadPort}` } }),
      "outage",
      /does not answer/,
    ],
  ])("%s", async (_what, options, kind, message) => {
    const error = await refusalOf(load(options()));
    expect(error).toMatchObject({ kind, message: expect.stringMatching(message) });
  });
});

describe("objects of a user erased in the project", () => {
  it("do not come back", async () => {
    await own.sql.begin((transaction) => restoreUsersTables(transaction));
    const [, user = ""] = key(0).split("/");
    await own.sql`insert into private.legacy_loaded_rows (relation, key) values ('users', ${user})`;
    await putAll(2);
    await s3.put("media", "videos/22222222-2222-4222-8222-222222222222/a.mp4", "a", "video/mp4");
    const { bucket, progress } = await load();
    expect(bucket).toMatchObject({ objects: 3, copied: 1, erased: 2, unchanged: 0 });
    expect(progress.at(-1)).toEqual([20_002, 20_002]);
    expect(await deps.objects.stat("uploads", key(0))).toBeNull();
  });
});
