import { describe, expect, it } from "vitest";
import type { Decision } from "../../../shared/legacy/decisions.ts";
import { type ExportOptions, exportUsers } from "../../../shared/legacy/export/export-users.ts";
import { hashes, useExportWorld } from "./support/export-world.ts";

const own = useExportWorld();

const runExport = (
  options: Partial<ExportOptions> = {},
  environment: Record<string, string | undefined> = {},
) => own.run((ctx) => exportUsers(ctx, { concurrency: 8, ...options }), environment);

const readMap = () =>
  own.sql()`
    select legacy_user_id, supabase_user_id, origin, verified_at
    from private.legacy_exports order by legacy_user_id`;

const readFailures = () =>
  own.sql()`
    select legacy_user_id, cause, detail, attempts from private.legacy_failures order by 1`;

async function readAccount(id: string) {
  const [account] = await own.sql()`
    select email, encrypted_password as hash, email_confirmed_at is not null as confirmed,
      raw_user_meta_data as user, raw_app_meta_data as app
    from auth.users where id = ${id}`;
  return account;
}

async function signIn(email: string, password: string): Promise<string | undefined> {
  const { url, publishableKey } = own.world.stack;
  const response = await fetch(`${url}/auth/v1/token?grant_type=password`, {
    method: "POST",
    headers: { apikey: publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  return (await response.json()).user?.id;
}

const countAccounts = async () => (await own.sql()`select from auth.users`).length;
const requests = (method: string) =>
  own.proxy.seen.filter((one) => one.startsWith(`${method} /auth/v1/admin/users`)).length;

describe("export", () => {
  it("creates users under their id with password, confirmation and profile", async () => {
    const [id = ""] = await own.addUsers({
      email: "Ann@Example.test",
      password_hash: await hashes.argon2id("old secret of ann"),
      display_name: "Ann Ünïcøde 안",
      industry: "film",
      tier: "enterprise",
      email_consent: true,
      created_at: "2024-02-03T04:05:06.789Z",
      avatar_url: "https://example.test/ann.png",
    }, { email: "bob@example.test", password_hash: await hashes.bcrypt("bob"), tier: "pro" });
    const report = await runExport();
    expect(report).toMatchObject({ users: 2, created: 2, updated: 0, gone: 0, failures: [] });
    expect(await readAccount(id)).toMatchObject({
      email: "ann@example.test",
      confirmed: true,
      user: {
        display_name: "Ann Ünïcøde 안",
        industry: "film",
        email_consent: true,
        onboarding_completed: false,
        avatar_url: "https://example.test/ann.png",
      },
      app: { tier: "enterprise", legacy_created_at: "2024-02-03T04:05:06.789Z" },
    });
    expect(await signIn("ann@example.test", "old secret of ann")).toBe(id);
    expect(await signIn("bob@example.test", "bob")).toBeDefined();
    expect(await readMap()).toContainEqual(
      expect.objectContaining({ legacy_user_id: id, supabase_user_id: id, origin: "created" }),
    );
  });

  it("keeps a linked account, its password and its own keys, and writes what differs only", async () => {
    const supabaseId = await own.addAccount({
      email: "kim@example.test",
      password: "her new password",
      user_metadata: { display_name: "Kim", pref_theme: "dark" },
      app_metadata: { permissions: ["review"] },
    });
    const [legacyId = ""] = await own.addUsers({
      email: "kim@example.test",
      supabase_user_id: supabaseId,
      display_name: "Kim",
      tier: "pro",
    });
    expect(await runExport()).toMatchObject({ created: 0, updated: 1, failures: [] });
    expect(await readAccount(supabaseId)).toMatchObject({
      user: { display_name: "Kim", pref_theme: "dark" },
      app: { permissions: ["review"], provider: "email", tier: "pro" },
    });
    expect(await signIn("kim@example.test", "her new password")).toBe(supabaseId);
    expect(await readMap()).toMatchObject([{
      legacy_user_id: legacyId,
      supabase_user_id: supabaseId,
      origin: "kept",
    }]);
    own.proxy.seen = [];
    expect(await runExport()).toMatchObject({ updated: 0, unchanged: 1 });
    expect(requests("PUT") + requests("POST")).toBe(0);
  });

  it("carries over what the legacy user changed since: profile, address, password, cleared keys", async () => {
    const [id = ""] = await own.addUsers({
      email: "before@example.test",
      display_name: "Before",
      password_hash: await hashes.bcrypt("before"),
    });
    await runExport();
    await own.sql()`
      update public.users set email = 'after@example.test', display_name = null, tier = 'pro',
        password_hash = ${await hashes.argon2id("after")}, updated_at = now()`;
    expect(await runExport()).toMatchObject({ updated: 1, failures: [] });
    const account = await readAccount(id);
    expect(account).toMatchObject({ email: "after@example.test", app: { tier: "pro" } });
    expect(account?.user).not.toHaveProperty("display_name");
    expect(await signIn("after@example.test", "after")).toBe(id);
    expect(await runExport()).toMatchObject({ updated: 0, unchanged: 1 });
  });

  it("leaves out with since who was not written, but neither the new nor the failed", async () => {
    await own.addUsers({}, {});
    const [failing = ""] = await own.addUsers({ email: "no address", updated_at: "2020-01-01" });
    await runExport();
    await own.sql()`update public.users set updated_at = '2020-01-01'`;
    const [changed = ""] = await own.addUsers({ updated_at: "2020-01-01" });
    const report = await runExport({ since: new Date("2021-01-01") });
    expect(report).toMatchObject({ users: 4, skipped: 2, created: 1 });
    expect(report.failures.map((failure) => failure.legacyUserId)).toEqual([failing]);
    await own.sql()`
      update public.users set updated_at = now(), display_name = 'New' where user_id = ${changed}`;
    expect(await runExport({ since: new Date("2021-01-01") })).toMatchObject({
      skipped: 2,
      updated: 1,
    });
  });

  it("changes nothing in a dry run, and nothing in the legacy tables ever", async () => {
    await own.addMany(30);
    const before = await own.sql()`select u::text from public.users as u order by user_id`;
    const report = await runExport({ dryRun: true });
    expect(report).toMatchObject({ dryRun: true, users: 30, created: 30 });
    expect(await countAccounts()).toBe(0);
    expect(await readMap()).toHaveLength(0);
    await runExport();
    expect(await own.sql()`select u::text from public.users as u order by user_id`).toEqual(before);
  });

  it("reports each failure with its cause and what to do, and goes on; a decision settles it", async () => {
    const holder = await own.addAccount({ email: "taken@example.test", password: "holder's" });
    const [taken = "", invalid = "", hash = "", bare = ""] = await own.addUsers(
      { email: "Taken@example.test" },
      { email: "not an address" },
      { password_hash: "md5$0123456789" },
      { password_hash: null },
      {},
    );
    const report = await runExport();
    const causes = Object.fromEntries(
      report.failures.map(({ legacyUserId, cause }) => [legacyUserId, cause]),
    );
    expect(causes).toEqual({
      [taken]: "email_taken",
      [invalid]: "email_invalid",
      [hash]: "unsupported_hash",
      [bare]: "no_password",
    });
    expect(report.created).toBe(1);
    expect(await readFailures()).toHaveLength(4);
    for (const { detail } of report.failures) {
      expect(detail).toMatch(/decide \w+ with/);
      expect(detail).not.toMatch(/@|not an address|md5/);
    }
    const decisions: Decision[] = [
      { kind: "email_taken", subject: taken, action: "link", value: holder },
      { kind: "email_invalid", subject: invalid, action: "use_email", value: "valid@example.test" },
      { kind: "unsupported_hash", subject: "*", action: "reset" },
      { kind: "no_password", subject: "*", action: "reset" },
    ];
    expect(await runExport({ decisions })).toMatchObject({ created: 3, failures: [] });
    expect(await readFailures()).toHaveLength(0);
    expect(await signIn("taken@example.test", "holder's")).toBe(holder);
    // Decisions are remembered: the next run needs no file, and the link keeps its password.
    expect(await runExport()).toMatchObject({ created: 0, updated: 0, unchanged: 5, failures: [] });
  });

  it("never creates anew who was deleted in Supabase Auth, not even by a decision", async () => {
    const [id = ""] = await own.addUsers({});
    const linked = await own.addAccount({ email: "gone@example.test" });
    await own.addUsers({ email: "gone@example.test", supabase_user_id: linked });
    await runExport();
    await own.sql()`delete from auth.users`;
    const decisions: Decision[] = [{ kind: "missing_account", subject: "*", action: "create" }];
    expect(await runExport({ decisions })).toMatchObject({ gone: 2, created: 0, failures: [] });
    expect(await countAccounts()).toBe(0);
    expect((await readMap()).map((row) => row.supabase_user_id).sort()).toEqual(
      [id, linked].sort(),
    );
  });
});

describe("export while Supabase Auth behaves badly", () => {
  it("waits as long as a 429 asks for, all requests together, and loses nobody", async () => {
    await own.addMany(40);
    let limited = 0;
    let pausedAt = 0;
    let firstAfter = 0;
    own.proxy.handler = async (one) => {
      if (one.method === "POST" && limited === 0) {
        limited++;
        pausedAt = performance.now();
        return one.answer(429, { code: "over_request_rate_limit" }, { "retry-after": "1" });
      }
      // Those of the first round were on their way already.
      if (one.method === "POST" && performance.now() - pausedAt > 400) {
        firstAfter ||= performance.now();
      }
      await one.pass();
    };
    expect(await runExport()).toMatchObject({ created: 40, failures: [] });
    expect(firstAfter - pausedAt).toBeGreaterThan(990);
    expect(await countAccounts()).toBe(40);
  });

  it("repeats after 502, 500 and cut answers, and makes no account twice", async () => {
    await own.addMany(60);
    own.proxy.handler = async (one) => {
      if (one.method !== "POST") return await one.pass();
      if (one.count % 7 === 0) return one.answer(502, "<html>Bad gateway</html>");
      if (one.count % 11 === 0) return one.answer(500, { code: "unexpected_failure" });
      if (one.count % 5 === 0) return await one.passAndCut();
      await one.pass();
    };
    expect(await runExport()).toMatchObject({ created: 60, failures: [] });
    expect(await countAccounts()).toBe(60);
    expect(await readMap()).toHaveLength(60);
  });

  it("gives up one user whom it fails for, with the cause, and serves the others", async () => {
    await own.addMany(20);
    const [poisoned = ""] = await own.addUsers({ email: "poison@example.test" });
    await own.sql().unsafe(`
      create function public.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no'; end $$;
      create trigger refuse before insert on auth.users for each row
        when (new.email = 'poison@example.test') execute function public.refuse()`);
    const report = await runExport();
    expect(report).toMatchObject({ created: 20 });
    expect(report.failures).toEqual([{
      legacyUserId: poisoned,
      cause: "auth_failed",
      detail: expect.stringContaining("unexpected_failure"),
    }]);
  });

  it("ends as an outage after a long silence, keeps what was done, and goes on later", async () => {
    await own.addMany(120);
    let posts = 0;
    own.proxy.handler = async (one) => {
      if (one.method === "POST" && ++posts > 50) return one.answer(503, { message: "down" });
      await one.pass();
    };
    await expect(runExport({ silenceMs: 700 })).rejects.toMatchObject({
      kind: "outage",
      message: expect.stringMatching(
        /no proper answer.*of 120 legacy users are done: run the same/,
      ),
    });
    const done = (await readMap()).length;
    expect(done).toBe(await countAccounts());
    expect(done).toBeGreaterThanOrEqual(50);
    own.proxy.reset();
    expect(await runExport()).toMatchObject({
      created: 120 - done,
      unchanged: done,
      failures: [],
    });
  });

  it("counts an answer that does not come in time as lost, and looks before it sends again", async () => {
    await own.addMany(8);
    let slow = true;
    own.proxy.handler = async (one) => {
      if (one.method === "POST" && slow) {
        slow = false;
        await new Promise((resolve) => setTimeout(resolve, 600));
      }
      await one.pass().catch(() => {});
    };
    expect(await runExport({ requestTimeoutMs: 250 })).toMatchObject({ created: 8, failures: [] });
    expect(await countAccounts()).toBe(8);
  });

  it("never has more requests under way than allowed", async () => {
    await own.addMany(60);
    own.proxy.handler = async (one) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await one.pass();
    };
    await runExport({ concurrency: 3 });
    expect(own.proxy.peak).toBe(3);
  });
});

describe("export is refused", () => {
  const refusals: [string, () => Record<string, string>, RegExp][] = [
    ["a publishable key", () => ({
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: own.world.stack.publishableKey }),
    }), /holds a publishable key/],
    ["a wrong key", () => ({
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_wrong" }),
    }), /refuses the secret key \(401/],
    ["a legacy anon key", () => ({
      SUPABASE_SECRET_KEYS: JSON.stringify({
        default: `e30.${btoa(JSON.stringify({ role: "anon" }))}.e30`,
      }),
    }), /holds a publishable key/],
  ];
  for (const [what, environment, sentence] of refusals) {
    it(`for ${what}, and nothing is changed`, async () => {
      await own.addMany(3);
      await expect(runExport({}, environment())).rejects.toMatchObject({
        kind: "usage",
        message: expect.stringMatching(sentence),
      });
      expect(await countAccounts()).toBe(0);
      expect(await readMap()).toHaveLength(0);
    });
  }

  it("while a cutover is at work, and goes on when that has ended; others may export", async () => {
    await own.addUsers({});
    const other = await own.sql().reserve();
    try {
      await other`select pg_advisory_lock(hashtextextended('heimdex:legacy', 0))`;
      const waiting = runExport();
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(await countAccounts()).toBe(0);
      expect(await runExport({ dryRun: true })).toMatchObject({ created: 1 });
      await other`select pg_advisory_unlock_all()`;
      expect(await waiting).toMatchObject({ created: 1 });
      await other`select pg_advisory_lock_shared(hashtextextended('heimdex:legacy', 0))`;
      expect(await runExport()).toMatchObject({ unchanged: 1 });
    } finally {
      await other`select pg_advisory_unlock_all()`;
      other.release();
    }
  });

  it("for a Supabase Auth of another project", async () => {
    await own.addMany(3);
    const id = crypto.randomUUID();
    own.proxy.handler = (one) => one.answer(200, { users: [{ id }] });
    await expect(runExport()).rejects.toMatchObject({
      kind: "usage",
      message: expect.stringContaining("two projects"),
    });
  });

  it("when Supabase Auth does not answer", async () => {
    own.proxy.handler = (one) => one.answer(503, { message: "down" });
    await expect(runExport()).rejects.toMatchObject({ kind: "outage" });
  });
});
