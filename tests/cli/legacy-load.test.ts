import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLegacySchema, writeLegacyRows } from "../../cli/legacy/sample/write.ts";
import { denoBinary, runFlags } from "../../tools/deno.mjs";
import { startServer, type TestDatabase, type TestServer } from "../migrations/support/database.ts";
import { heimdex } from "../support/heimdex.ts";
import { buildLegacyRows, readLegacyRows } from "../support/legacy-rows.ts";
import { useOwnStack } from "../support/own-stack.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { isLongRun, testSize } from "../support/size.ts";

const own = useOwnStack("legacy-load");
const minutes = 60_000;

let server: TestServer;
let legacy: TestDatabase;
let s3: S3Server;

beforeAll(async () => {
  server = await startServer(15);
  legacy = await server.createDatabase({ migrated: false });
  await createLegacySchema(legacy.sql);
  await writeLegacyRows(legacy.sql, buildLegacyRows());
  s3 = await startS3Server({ buckets: ["uploads", "thumbnails", "sidecars", "media"] });
});

afterAll(async () => {
  await s3?.stop();
  await legacy?.stop();
  await server?.stop();
});

function environment(more: Record<string, string | undefined> = {}) {
  return {
    ...own.stack.environment,
    DATABASE_URL: own.stack.databaseUrl,
    LEGACY_DATABASE_URL: legacy.url,
    ...s3.environment,
    ...more,
  };
}

const load = (args: string[] = [], more?: Record<string, string | undefined>) =>
  heimdex(["legacy", "load", ...args], environment(more));

async function expectRefusal(
  { code, message }: { code: number; message: RegExp },
  args: string[] = [],
  more?: Record<string, string | undefined>,
): Promise<void> {
  const before = await own.sql`select to_regclass('public.users') is null as untouched`;
  const result = await load(args, more);
  expect(result).toMatchObject({ code, out: "", err: expect.stringMatching(message) });
  expect(result.err.trim().split("\n").at(-1)).not.toMatch(/\.$|at file:/);
  expect(await own.sql`select to_regclass('public.users') is null as untouched`).toEqual(before);
}

describe("heimdex legacy load refuses wrong settings, and nothing changes:", () => {
  it.each<[string, number, RegExp, string[], () => Record<string, string | undefined>]>([
    ["the project's own database", 2, /leads to the project's own database/, [], () => ({
      LEGACY_DATABASE_URL: own.stack.adminDatabaseUrl,
    })],
    [
      "no database at all",
      2,
      /This project has no legacy users: set LEGACY_DATABASE_URL/,
      [],
      () => ({
        LEGACY_DATABASE_URL: undefined,
      }),
    ],
    ["a legacy database that is away", 3, /does not answer/, [], () => ({
      LEGACY_DATABASE_URL: "postgresql://nobody@127.0.0.1:2/legacy",
    })],
    ["half of the S3 settings", 2, /LEGACY_S3_SECRET_KEY is not set/, [], () => ({
      LEGACY_S3_SECRET_KEY: "",
    })],
    ["a bucket without a name", 2, /such as media=uploads/, ["--bucket", "=uploads"], () => ({})],
    ["two buckets into one", 2, /each bucket once/, [
      "--bucket",
      "uploads",
      "--bucket",
      "media=uploads",
    ], () => ({})],
  ])("%s", (_what, code, message, args, more) => expectRefusal({ code, message }, args, more()));

  it("a legacy database at another revision, or with a column missing", async () => {
    await legacy.sql`update public.alembic_version set version_num = '006'`;
    await expectRefusal({ code: 2, message: /stands at revision 006 instead of 008/ });
    await legacy.sql`update public.alembic_version set version_num = '008'`;
    await legacy.sql`alter table public.users drop column industry`;
    await expectRefusal({ code: 2, message: /users\.industry is missing/ });
    await legacy.sql`alter table public.users add column industry varchar(100)`;
  });
});

describe("heimdex legacy load", () => {
  it("brings tables and objects, and finds nothing to do the second time", async () => {
    await s3.put("uploads", "videos/a/1.mp4", "one", "video/mp4");
    await s3.put("sidecars", "a/1.json", "{}");
    const first = await load(["--json"]);
    expect(first, first.err).toMatchObject({ code: 0 });
    expect(await readLegacyRows(own.sql)).toEqual(await readLegacyRows(legacy.sql));
    expect(JSON.parse(first.out)).toMatchObject({
      tables: {
        rounds: 1,
        relations: expect.arrayContaining([{ table: "users", rows: 3, written: 3, deleted: 0 }]),
        still_changing: [],
        vectors: { carried: [], left_behind: [] },
        erased_here: { users: 0, people: 0 },
        unknown_owners: 0,
      },
      objects: {
        buckets: expect.arrayContaining([
          expect.objectContaining({ from: "uploads", to: "uploads", copied: 1, failed: 0 }),
        ]),
        failures: [],
        failed: 0,
      },
    });
    const second = await load();
    expect(second).toMatchObject({ code: 0, err: "" });
    expect(second.out).toMatch(/^table +rows +written +deleted\nusers +3 +0 +0\n/);
    expect(second.out).toMatch(/\nuploads +1 +0 +0 +1 +0 +0 +0\n/);
    const [row] = await own.sql`select to_regnamespace('legacy_stage') is null as swept`;
    expect(row).toEqual({ swept: true });
  }, 2 * minutes);

  it("exits 1 and names what Storage does not take", async () => {
    await s3.put("media", "notes.txt", "text", "text/plain");
    await s3.put("media", "videos/b/2.mp4", "two", "video/mp4");
    const { code, out } = await load(["--bucket", "media=thumbnails", "--bucket", "uploads"]);
    expect(code).toBe(1);
    expect(out).toMatch(/media +notes\.txt +InvalidMimeType/);
  }, minutes);

  it("leaves tables alone that already lie in the project, and says so", async () => {
    const result = await load([], {
      LEGACY_DATABASE_URL: undefined,
      LEGACY_S3_ENDPOINT: undefined,
      LEGACY_S3_ACCESS_KEY: undefined,
      LEGACY_S3_SECRET_KEY: undefined,
    });
    expect(result).toMatchObject({ code: 0 });
    expect(result.out).toContain(
      "The legacy tables lie in the project's database: nothing to copy",
    );
    expect(result.out).toContain("LEGACY_S3_ENDPOINT is not set: no objects were loaded");
  }, minutes);

  it("refuses a project that is cut over, with an exit code of its own", async () => {
    await own.sql`insert into private.legacy_removals (users_removed) values (3)`;
    await expectRefusal({ code: 4, message: /This project is cut over already/ });
    await own.sql`delete from private.legacy_removals`;
  }, minutes);
});

/** Runs the command without its launcher, so that its process is the one that is killed or watched. */
function start(): ChildProcess {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  return spawn(
    denoBinary() ?? "",
    ["run", ...runFlags, "--config", `${root}deno.json`, `${root}cli/main.ts`, "legacy", "load"],
    { env: { ...process.env, ...environment() }, stdio: "ignore" },
  );
}

describe("a load that is killed", () => {
  it("goes on where it was, whenever that happens", async () => {
    await legacy.sql`
      insert into public.audit_events (event_type, metadata)
      select 'padding', jsonb_build_object('text', repeat('x', 1500)) from generate_series(1, 4000)`;
    for (let round = 1; round <= testSize({ sampled: 3, long: 20 }); round++) {
      await legacy.sql`update public.audit_events set user_agent = ${`round ${round}`}`;
      await Promise.all(
        Array.from({ length: 40 }, (_each, index) => {
          const bytes = new Uint8Array(200_000).fill(round);
          return s3.put("uploads", `videos/kill/${index}.mp4`, bytes, "video/mp4");
        }),
      );
      const child = start();
      const exit = once(child, "exit");
      const timer = setTimeout(() => child.kill("SIGKILL"), 500 + Math.random() * 3000);
      await exit;
      clearTimeout(timer);
    }
    const last = await load(["--json"]);
    expect(last, last.err).toMatchObject({ code: 0 });
    expect(await readLegacyRows(own.sql)).toEqual(await readLegacyRows(legacy.sql));
    const [row] = await own.sql`
      select count(*) as objects, count(*) filter (where (metadata ->> 'size')::int = 200000) as whole
      from storage.objects where bucket_id = 'uploads' and name like 'videos/kill/%'`;
    expect(row).toEqual({ objects: "40", whole: "40" });
  }, 5 * minutes);
});

describe.runIf(Deno.build.os === "linux")("the memory of a load", () => {
  // Seconds of copying: the sampled run leaves it out.
  it.runIf(isLongRun)("does not grow with the tables and the objects", async () => {
    const small = await measurePeak(1);
    const large = await measurePeak(12);
    expect(large / small, `${small} kB, then ${large} kB`).toBeLessThan(1.3);
  }, 10 * minutes);

  /** Peak of the resident memory in kB of a run that copies so many times 15 MB and 40 MB. */
  async function measurePeak(times: number): Promise<number> {
    await legacy.sql`
      insert into public.audit_events (event_type, metadata)
      select 'padding', jsonb_build_object('text', repeat('y', 1500))
      from generate_series(1, ${10_000 * times}::int)`;
    const key = `videos/big/${times}.mp4`;
    await s3.put("uploads", key, new Uint8Array(40_000_000 * times), "video/mp4");
    const child = start();
    const exit = once(child, "exit");
    let peak = 0;
    const timer = setInterval(async () => {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    }, 20);
    const [code] = await exit;
    clearInterval(timer);
    expect(code).toBe(0);
    const found = await own.sql`
      select (metadata ->> 'size')::int as size from storage.objects where name = ${key}`;
    expect(found).toEqual([{ size: 40_000_000 * times }]);
    return peak;
  }
});
