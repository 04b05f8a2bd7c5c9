import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../legacy/support/command.ts";
import { hashes, useExportWorld } from "../shared/legacy/support/export-world.ts";

const own = useExportWorld();

const run = (...args: string[]) => runCommand(["legacy", ...args], own.environment());

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-verify-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeSample(content: unknown): Promise<string> {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  await writeFile(path, JSON.stringify(content));
  return path;
}

describe("heimdex legacy verify", () => {
  it("exits 0 when everything is equal, 1 with a table of what differs", async () => {
    const [id = ""] = await own.addUsers({ display_name: "Ann" }, {});
    expect(await run("verify")).toMatchObject({
      code: 1,
      out: expect.stringMatching(new RegExp(`${id} +not_exported +- +The user is not in Supabase`)),
    });
    await run("export");
    expect(await run("verify")).toMatchObject({
      code: 0,
      out: expect.stringContaining("everything is equal"),
    });
    await own.sql()`
      update auth.users set raw_user_meta_data = raw_user_meta_data - 'display_name'
      where id = ${id}`;
    const { code, out } = await run("verify", "--json");
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 1,
      passed: false,
      users: 2,
      mismatch_count: 1,
      mismatches: [{ kind: "fields_differ", subject: id, fields: ["display_name"] }],
    });
  });

  it("signs a sample in for real", async () => {
    await own.addUsers(
      { email: "ann@example.test", password_hash: await hashes.argon2id("ann of old") },
      { email: "bob@example.test", password_hash: await hashes.bcrypt("bob of old") },
    );
    await run("export");
    const sample = await writeSample([
      { email: "ann@example.test", password: "ann of old" },
      { email: "bob@example.test", password: "bob of old" },
    ]);
    const passed = await run("verify", "--sign-in", sample, "--json");
    expect({ code: passed.code, ...JSON.parse(passed.out) }).toMatchObject({
      code: 0,
      passed: true,
      signed_in: 2,
    });
    const wrong = await writeSample([{ email: "ann@example.test", password: "another" }]);
    const failed = await run("verify", "--sign-in", wrong);
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining("sign_in_failed") });
    expect(failed.out).not.toMatch(/another\b.*password|ann@/);
  });

  it("exits 2 for a sample that is none", async () => {
    expect((await run("verify", "--sign-in", join(folder, "missing.json"))).code).toBe(2);
    const { code, err } = await run("verify", "--sign-in", await writeSample({ email: "a" }));
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("no JSON array") });
  });
});
