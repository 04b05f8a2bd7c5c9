import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runCommand, startCommand } from "../legacy/support/command.ts";
import { useExportWorld } from "../shared/legacy/support/export-world.ts";

const own = useExportWorld();

const run = (args: string[], environment: Record<string, string> = {}) =>
  runCommand(["legacy", "export", ...args], { ...own.environment(), ...environment });

const readState = async () => ({
  map: await own.sql()`
    select legacy_user_id, supabase_user_id, origin from private.legacy_exports order by 1`,
  accounts: await own.sql()`
    select id, email, encrypted_password, raw_user_meta_data, raw_app_meta_data,
      email_confirmed_at is not null as confirmed
    from auth.users order by id`,
  identities: await own.sql()`select user_id from auth.identities order by user_id`,
});

async function untilAccounts(count: number): Promise<void> {
  const read = async () => (await own.sql()`select from auth.users`).length;
  await expect.poll(read, { timeout: 20_000, interval: 15 }).toBeGreaterThanOrEqual(count);
}

describe("heimdex legacy export", () => {
  it("brings everybody over, says how many, and writes one JSON document", async () => {
    await own.addMany(12);
    const dry = await run(["--dry-run"]);
    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Would export 12 .*12 created/),
    });
    const { code, out } = await run(["--json"]);
    expect({ code, ...JSON.parse(out) }).toEqual({
      code: 0,
      dry_run: false,
      users: 12,
      created: 12,
      updated: 0,
      unchanged: 0,
      gone: 0,
      skipped: 0,
      failed: 0,
      seconds: expect.any(Number),
      failures: [],
    });
    expect(await run([])).toMatchObject({ code: 0, out: expect.stringContaining("12 unchanged") });
  });

  it("exits 1 with a table of the failures, and each is kept for the next run", async () => {
    const [bare = ""] = await own.addUsers({ password_hash: null }, {});
    const { code, out } = await run([]);
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`${bare} +no_password +It has no password: decide no_password`));
    const json = await run(["--json"]);
    expect(JSON.parse(json.out)).toMatchObject({
      failed: 1,
      failures: [{ legacy_user_id: bare, cause: "no_password" }],
    });
    const [failure] = await own.sql()`select attempts from private.legacy_failures`;
    expect(failure?.attempts).toBe(2);
  });

  it("killed with -9 in the middle and run again ends as an undisturbed run", async () => {
    await own.addMany(250);
    const users = await own.sql()`select * from public.users`;
    expect((await run([])).code).toBe(0);
    const undisturbed = await readState();

    await own.world.reset();
    await own.sql()`insert into public.users ${own.sql()(users)}`;
    for (const accounts of [1, 80, 160]) {
      const child = startCommand(
        ["legacy", "export", "--concurrency", "6"],
        own.environment(),
      );
      await untilAccounts(accounts);
      child.kill({ all: false });
      await child.ended;
    }
    const accounts = (await own.sql()`select from auth.users`).length;
    expect(accounts).toBeLessThan(250);
    const { code, out } = await run(["--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ users: 250, failed: 0 });
    expect(await readState()).toEqual(undisturbed);
  }, 120_000);

  it("exits 2 for a publishable key, a wrong key and a time without a zone", async () => {
    await own.addMany(2);
    const { publishableKey } = own.world.stack;
    const keyed = (key: string) => ({ SUPABASE_SECRET_KEYS: JSON.stringify({ default: key }) });
    expect(await run([], keyed(publishableKey))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/publishable key.*Nothing was changed/),
    });
    expect(await run([], keyed("sb_secret_other"))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/refuses the secret key.*Nothing was changed/),
    });
    expect((await run(["--since", "2026-01-01T00:00:00"])).code).toBe(2);
    expect((await run(["--concurrency", "0"])).code).toBe(2);
    expect(await own.sql()`select from auth.users`).toHaveLength(0);
  });

  it("exits 3 while Supabase Auth is away", async () => {
    await own.addMany(2);
    own.proxy.handler = (one) => one.answer(503, { message: "down" });
    expect(await run([])).toMatchObject({
      code: 3,
      err: expect.stringContaining("does not answer"),
    });
  });

  it("exits 4 when the users are cut over already", async () => {
    await own.addMany(2);
    await own.sql()`insert into private.legacy_removals (users_removed) values (2)`;
    expect(await run([])).toMatchObject({ code: 4, err: expect.stringContaining("cut over") });
  });

  it("writes a line every few seconds where nobody watches", async () => {
    await own.addMany(24);
    own.proxy.handler = async (one) => {
      if (one.method === "POST") await new Promise((resolve) => setTimeout(resolve, 500));
      await one.pass();
    };
    const { code, err } = await run(["--concurrency", "2", "--json"]);
    expect(code).toBe(0);
    expect(err).toMatch(/^Export: \d+ of 24 users \(\d+ %\), [\d.]+ users\/s, \d+ s left$/m);
  });

  it.runIf(existsSync("/usr/bin/script"))(
    "draws a bar with rate and time left on a terminal",
    async () => {
      await own.addMany(60);
      own.proxy.handler = async (one) => {
        if (one.method === "POST") await new Promise((resolve) => setTimeout(resolve, 40));
        await one.pass();
      };
      const shim = fileURLToPath(new URL("../../cli/bin/heimdex.mjs", import.meta.url));
      const command = `node ${shim} legacy export --concurrency 2`;
      const out = await new Promise<string>((resolve) => {
        execFile(
          "/usr/bin/script",
          ["-qec", command, "/dev/null"],
          { env: { ...process.env, ...own.environment() } },
          (_error, stdout) => resolve(stdout),
        );
      });
      expect(out).toMatch(
        /Export \[=+-+\] \d+% \| \d+ of 60 users \| \d+(\.\d)? users\/s, \d+ s left/,
      );
      expect(out).toMatch(/60 created/);
    },
  );
});
