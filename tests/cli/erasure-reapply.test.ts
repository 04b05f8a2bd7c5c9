import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { requestErasure, runErasure } from "../../shared/erasure/engine.ts";
import { deadPort } from "../support/app.ts";
import { heimdex } from "../support/heimdex.ts";
import { useOwnStack } from "../support/own-stack.ts";

const own = useOwnStack("cli-reapply");
let folder: string;
let userId: string;
let texts: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-copies-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function createUser(id: string): Promise<void> {
  const email = `u-${crypto.randomUUID()}@example.test`;
  const { error } = await own.admin.auth.admin.createUser({ id, email, email_confirm: true });
  expect(error).toBeNull();
  await own.sql`insert into public.videos (user_id, storage_key, mime_type, size_bytes)
    values (${id}, ${`videos/${id}/v.mp4`}, 'video/mp4', 3)`;
}

async function exists(): Promise<boolean> {
  const [row] = await own.sql<{ there: boolean }[]>`
    select exists (select from auth.users where id = ${userId})
      or exists (select from public.videos where user_id = ${userId}) as there`;
  return row?.there ?? false;
}

async function forget(): Promise<void> {
  await own.sql`truncate private.erasure_receipts, private.erasures, private.erased_users,
    private.erasure_objects, private.auth_events`;
}

/** A user is erased, copies of the receipts are kept, and the database is restored from before. */
beforeEach(async () => {
  await forget();
  await own.admin.storage.emptyBucket("receipts");
  userId = crypto.randomUUID();
  await createUser(userId);
  await own.admin.auth.admin.deleteUser(userId);
  const ctx = own.erasures;
  const { erasureId } = await requestErasure(ctx, { kind: "user", userId, origin: "event" });
  await runErasure(ctx, erasureId, new Date(Date.now() + 60_000));
  const rows = await own.sql<{ receipt: string }[]>`select receipt from private.erasure_receipts`;
  texts = rows.map((row) => row.receipt);
  expect(texts).toHaveLength(1);
  await forget();
  await createUser(userId);
  await setCreation("1 day");
});

async function setCreation(age: string): Promise<void> {
  await own.sql`update auth.users set created_at = now() - ${age}::interval where id = ${userId}`;
}

function run(args: string[], env: Record<string, string | undefined> = {}) {
  const { environment, databaseUrl: DATABASE_URL } = own.stack;
  return heimdex(["erasure", ...args], { ...environment, DATABASE_URL, ...env });
}

function reapply(args: string[], env: Record<string, string | undefined> = {}) {
  return run(["reapply", ...args], env);
}

async function putCopies(content: string): Promise<string> {
  const path = await mkdtemp(join(folder, "copies-"));
  await writeFile(join(path, "receipts.ndjson"), content);
  return path;
}

describe("heimdex erasure reapply", () => {
  it("shows what it would do and changes nothing", async () => {
    const { code, out } = await reapply(["--dry-run"]);
    expect(code).toBe(0);
    expect(out).toContain(
      "receipts  1 verified, 1 of them lost by the database\nreturned  1\nskipped   0,",
    );
    expect(out).toContain(userId);
    const json = await reapply(["--dry-run", "--json"]);
    expect(JSON.parse(json.out)).toEqual({
      receipts: 1,
      foreign: 0,
      missing: 1,
      returned: [{ kind: "user", id: userId, user_id: userId }],
      skipped: [],
      reapplied: [],
    });
    expect(await exists()).toBe(true);
    expect(await own.sql`select from private.erasure_receipts`).toHaveLength(0);
  });

  it("is what run asks for, in a sentence, while the database has lost receipts", async () => {
    await own.admin.auth.admin.deleteUser(userId);
    // A day ahead, so that no drain takes the job before the command does.
    const ctx = { ...own.erasures, now: () => new Date(Date.now() + 86_400_000) };
    const { erasureId } = await requestErasure(ctx, { kind: "user", userId, origin: "event" });
    const { code, err } = await run(["run", erasureId]);
    const last = err.trim().split("\n").at(-1);
    expect({ code, last }).toEqual({
      code: 1,
      last: expect.stringMatching(/^The bucket holds receipt 1.*heimdex erasure reapply/),
    });
  });

  it("never asks without a terminal: it wants --yes", async () => {
    const { code, out, err } = await reapply([]);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining("--yes") });
    expect(await exists()).toBe(true);
  });

  it("erases again by the copies in the bucket, tells its progress, and is done then", async () => {
    const { code, out, err } = await reapply(["--yes"]);
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(/^1 of 1: user, erasure [\w-]{36}: provisional\n$/),
    });
    expect(out).toContain("1 receipts brought back, 1 erased again");
    expect(await exists()).toBe(false);
    const again = await reapply(["--yes", "--json"]);
    expect({ code: again.code, ...JSON.parse(again.out) }).toEqual({
      code: 0,
      receipts: 2,
      foreign: 0,
      missing: 0,
      returned: [],
      skipped: [],
      reapplied: [],
    });
  });

  it("erases again by a folder of copies when the bucket has none", async () => {
    await own.admin.storage.emptyBucket("receipts");
    const copies = await putCopies(`${texts.join("\n")}\n`);
    const { code, out } = await reapply(["--receipts", copies, "--yes", "--json"]);
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 0,
      missing: 1,
      reapplied: [{ kind: "user", erasure_id: expect.any(String), state: "provisional" }],
    });
    expect(await exists()).toBe(false);
  });

  it("exits 4 and erases nobody when a copy was changed", async () => {
    const copies = await putCopies(texts.join("\n").replace('"before":1,', '"before":2,'));
    const { code, out, err } = await reapply(["--receipts", copies, "--yes"]);
    expect({ code, out, err }).toEqual({
      code: 4,
      out: "",
      err: expect.stringMatching(/^The receipts do not verify.+hash_wrong.+\n$/),
    });
    expect(await exists()).toBe(true);
  });

  it("exits 1 and leaves an account alone that was created anew", async () => {
    await setCreation("0");
    const { code, out } = await reapply(["--yes", "--json"]);
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 1,
      returned: [],
      skipped: [{ kind: "user", id: userId, reason: "created_after_erasure" }],
      reapplied: [],
    });
    expect(await exists()).toBe(true);
  });

  it("exits 1 with a sentence when receipts were made with another key", async () => {
    const key = { HEIMDEX_PSEUDONYM_KEY: "another key, of more than thirty-two characters" };
    const { code, out, err } = await reapply(["--dry-run"], key);
    expect({ code, out, err }).toEqual({
      code: 1,
      out: expect.stringContaining("returned  0"),
      err: expect.stringMatching(/^1 of 1 receipts were made with another HEIMDEX_PSEUDONYM_KEY/),
    });
    expect(await exists()).toBe(true);
  });

  it("exits 1 when an erasure is held", async () => {
    const { code, out } = await reapply(["--yes"], { HEIMDEX_ERASURES_PER_HOUR: "0" });
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringContaining("1 held or broken off"),
    });
  });

  it("exits 2 without its settings and 3 when a part does not answer", async () => {
    const unset = await reapply(["--yes"], { HEIMDEX_PSEUDONYM_KEY: undefined });
    expect(unset).toMatchObject({ code: 2, err: "HEIMDEX_PSEUDONYM_KEY is not set\n" });
    const nowhere = await reapply(["--yes", "--receipts", join(folder, "nowhere")]);
    expect(nowhere).toMatchObject({ code: 2, err: expect.stringContaining("Cannot read") });
    const dead = `postgresql://postgres:open-sesame@127.0.0.1:${deadPort}/postgres`;
    const outage = await reapply(["--yes"], { DATABASE_URL: dead });
    expect(outage).toMatchObject({ code: 3, err: expect.stringMatching(/database/) });
    expect(outage.err).not.toContain("open-sesame");
    const storage = await reapply(["--yes"], { SUPABASE_URL: `http://127.0.0.1:${deadPort}` });
    expect(storage).toMatchObject({ code: 3, err: expect.stringMatching(/\S/) });
    expect(await exists()).toBe(true);
  });
});

describe("heimdex erasure receipts", () => {
  function receipts(...args: string[]) {
    return run(["receipts", ...args]);
  }

  beforeEach(async () => {
    expect((await reapply(["--yes"])).code).toBe(0);
  });

  it("prints the chain as verify and reapply read it", async () => {
    const { code, out } = await receipts();
    expect({ code, lines: out.trimEnd().split("\n").length }).toEqual({ code: 0, lines: 2 });
    const key = await run(["key"]);
    const [keyFile, copies] = [join(folder, "receipts.pub.json"), await putCopies(out)];
    await writeFile(keyFile, key.out);
    const verified = await run(["verify", "--key", keyFile, "--json", copies]);
    expect({ code: verified.code, ...JSON.parse(verified.out) }).toMatchObject({
      code: 0,
      valid: true,
      receipts: 2,
      excerpt: false,
    });
    await forget();
    await own.admin.storage.emptyBucket("receipts");
    await createUser(userId);
    await setCreation("1 day");
    const again = await reapply(["--receipts", copies, "--yes"]);
    expect({ code: again.code, err: again.err }).toMatchObject({ code: 0 });
    expect(await exists()).toBe(false);
    expect((await receipts()).out.startsWith(out)).toBe(true);
  });

  it("prints what is new, or what belongs to one erasure", async () => {
    const [, second = ""] = (await receipts()).out.trimEnd().split("\n");
    expect((await receipts("--after", "1")).out).toBe(`${second}\n`);
    const { erasure_id } = JSON.parse(second);
    expect((await receipts("--erasure", erasure_id)).out).toBe(`${second}\n`);
    expect((await receipts("--after", "2")).out).toBe("");
    expect(await receipts("--erasure", "all")).toMatchObject({ code: 2, out: "" });
  });

  it("copies to the bucket what has gone from it, and tells what differs there", async () => {
    await own.admin.storage.emptyBucket("receipts");
    expect(await receipts("--repair")).toMatchObject({
      code: 0,
      out: "Receipts copied to the bucket: 2\n",
    });
    const { objects } = await own.erasures.objects.list("receipts");
    const [first = { key: "" }] = objects;
    const json = { contentType: "application/json", upsert: true };
    await own.erasures.objects.put("receipts", first.key, "{}", json);
    await own.sql`update private.erasure_receipts set copied_at = null`;
    expect(await receipts("--repair")).toMatchObject({
      code: 1,
      err: expect.stringContaining("Another receipt lies at the place of 1 in the bucket"),
    });
  });
});
