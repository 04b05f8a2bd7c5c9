import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowOddities } from "../../cli/legacy/sample/belongings.ts";
import { generateSample, minUsers, type Sample } from "../../cli/legacy/sample/generate.ts";
import { oddities } from "../../cli/legacy/sample/people.ts";
import { createLegacySchema } from "../../cli/legacy/sample/write.ts";
import { verifyPassword } from "../../local/gateway/auth/passwords.ts";
import { type LegacyWorld, startLegacyWorld } from "../../local/legacy-world.ts";
import { createAuthAdmin } from "../../shared/legacy/auth-admin.ts";
import { legacyTables } from "../../shared/legacy/schema.ts";
import { runCommand } from "../legacy/support/command.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";

const users = 60;
const timeout = 60_000;

let world: LegacyWorld;
let folder: string;

beforeAll(async () => {
  world = await startLegacyWorld({ project: "empty", createTables: createLegacySchema });
  folder = await mkdtemp(join(tmpdir(), "heimdex-sample-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await world?.stop();
});

const run = (verb: string, args: string[], env: Record<string, string> = {}) => {
  const { environment, databaseUrl } = world.stack;
  return runCommand(["legacy", verb, ...args], {
    ...environment,
    DATABASE_URL: databaseUrl,
    ...env,
  });
};
const sample = (env: Record<string, string> = {}) =>
  run("sample", ["--users", String(users), "--out", folder, "--json"], env);

async function readJson(name: string) {
  return JSON.parse(await readFile(join(folder, name), "utf8"));
}

describe("a generated sample", () => {
  let made: Sample;
  beforeAll(async () => {
    made = await generateSample({ users: minUsers, seed: 1 });
  });

  it("is the same for the same seed, and another for another", async () => {
    expect(await generateSample({ users: minUsers, seed: 1 })).toEqual(made);
    expect(await generateSample({ users: minUsers, seed: 2 })).not.toEqual(made);
  });

  it("shows every oddity, and has rows in every legacy table", () => {
    const expected = [...Object.keys(oddities), ...Object.keys(rowOddities), "orphan_rows"];
    expect(Object.keys(made.oddities).sort()).toEqual(expected.sort());
    for (const { name } of legacyTables) expect(made.rows[name]?.length, name).toBeGreaterThan(0);
    expect(new Set(made.objects.map(({ bucket }) => bucket)))
      .toEqual(new Set(["uploads", "thumbnails", "sidecars"]));
  });

  it("tells the real passwords of its hashes", async () => {
    const kinds = new Set<string>();
    const emails = made.logins.map(({ email }) => email);
    expect(new Set(emails).size).toBe(emails.length);
    for (const row of made.rows.users ?? []) {
      const login = made.logins.find(({ email }) => email === row.email);
      // The address of some linked users is that of another one's account.
      if (!login || login.email.startsWith("moved.")) continue;
      if (typeof row.password_hash !== "string") continue;
      expect(await verifyPassword(login.password, row.password_hash)).toBe(true);
      kinds.add(row.password_hash.split("$")[1] ?? "");
    }
    expect([...kinds].sort()).toEqual(["2b", "argon2i", "argon2id"]);
  });
});

describe("heimdex legacy sample", () => {
  it("goes into the project, and its decisions settle its plan", { timeout }, async () => {
    await world.reset();
    const { code, out } = await sample();
    const document = JSON.parse(out);
    expect({ code, ...document }).toMatchObject({ code: 0, users });
    const [counts] = await world.sql()`
      select (select count(*)::int from public.users) as users,
        (select count(*)::int from auth.users) as accounts,
        (select count(*)::int from storage.objects) as objects`;
    expect(counts).toEqual({ users, accounts: document.accounts, objects: document.objects });

    const open = await run("plan", ["--json"]);
    expect(open.code).toBe(2);
    expect(Object.keys(JSON.parse(open.out).open).sort()).toEqual([
      "email_case",
      "email_invalid",
      "email_taken",
      "id_taken",
      "metadata_over_budget",
      "missing_account",
      "no_password",
      "person_names",
      "unsupported_hash",
    ]);
    const settled = await run("plan", ["--decisions", join(folder, "decisions.json"), "--json"]);
    expect({ code: settled.code, ...JSON.parse(settled.out) }).toMatchObject({ code: 0, open: {} });

    const { url: supabaseUrl, secretKey, publishableKey } = world.stack;
    const auth = createAuthAdmin({ supabaseUrl, secretKey, publishableKey });
    const linked = (await readJson("passwords.json"))
      .find(({ email }: { email: string }) => email.startsWith("moved."));
    expect(await auth.signIn(linked.email, linked.password)).toMatchObject({ kind: "done" });

    const again = await sample();
    expect(again).toMatchObject({ code: 4, err: expect.stringContaining("into an empty place") });
  });

  describe("with a legacy database of its own", () => {
    let s3: S3Server;
    beforeAll(async () => {
      s3 = await startS3Server({ buckets: [] });
    });
    afterAll(() => s3?.stop());

    it("goes there, its objects to the S3 server", { timeout }, async () => {
      await world.reset();
      const settings = { LEGACY_DATABASE_URL: world.legacyUrl, ...s3.environment };
      const { code, out } = await sample(settings);
      const document = JSON.parse(out);
      expect({ code, ...document }).toMatchObject({ code: 0, users });
      const [row] = await world.legacySql()`
        select (select count(*)::int from public.users) as users,
          (select version_num from public.alembic_version) as revision`;
      expect(row).toEqual({ users, revision: "008" });
      const [project] = await world.sql()`
        select to_regclass('public.users') as users,
          (select count(*)::int from auth.users) as accounts,
          (select count(*)::int from storage.objects) as objects`;
      expect(project).toEqual({ users: null, accounts: document.accounts, objects: 0 });
      let objects = 0;
      for (const bucket of ["uploads", "thumbnails", "sidecars"]) {
        for await (const _object of s3.client.listObjectsV2(bucket, "", true)) objects++;
      }
      expect(objects).toBe(document.objects);
      const plan = ["--decisions", join(folder, "decisions.json"), "--json"];
      expect(await run("plan", plan, settings)).toMatchObject({ code: 0 });
    });
  });

  it("goes into no project of another machine", async () => {
    expect(await sample({ SUPABASE_URL: "https://project.supabase.test" })).toEqual({
      code: 4,
      out: "",
      err: expect.stringMatching(/only into a project on this machine.*Nothing was changed/),
    });
  });

  it("names the settings that are missing", async () => {
    const { databaseUrl } = world.stack;
    expect(await runCommand(["legacy", "sample"], { DATABASE_URL: databaseUrl })).toEqual({
      code: 2,
      out: "",
      err: expect.stringMatching(/SUPABASE_URL is not set.*SUPABASE_SECRET_KEYS is not set/),
    });
  });

  it("needs enough users to show everything", async () => {
    const { code, err } = await run("sample", ["--users", "10"]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("from 50 to 100000") });
  });
});
