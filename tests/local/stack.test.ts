import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { platformName } from "../../local/postgres/binaries.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { readEnv } from "../../shared/env.ts";
import { processesNaming, project, runDeno, temporaryFolder } from "./support.ts";

let folder: string;
let stack: Stack;
const lines: string[] = [];

beforeAll(async () => {
  folder = Deno.makeTempDirSync({ prefix: "heimdex-stack-" });
  // As root the database runs as an OS user of its own, which has to pass through.
  Deno.chmodSync(folder, 0o711);
  stack = await startStack({
    dataDir: join(folder, "data"),
    port: 0,
    durable: false,
    log: (line) => lines.push(line),
  });
});

afterAll(async () => {
  await stack?.stop();
  Deno.removeSync(folder, { recursive: true });
});

async function asPostgres<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

describe("a stack", () => {
  test("starts without a word of complaint, every function included", () => {
    expect(lines).toEqual([]);
  });

  test("gives the functions an environment they accept", () => {
    const env = readEnv(stack.environment);
    expect(env).toMatchObject({ supabaseUrl: stack.url, databaseUrl: stack.databaseUrl });
    expect(env.jwtIssuer).toBe(stack.jwtIssuer);
  });

  test("signs a user up, confirms by the caught mail, signs in", async () => {
    const email = `ada-${crypto.randomUUID()}@example.test`;
    const password = "correct horse battery";
    const client = createClient(stack.url, stack.publishableKey, {
      auth: { persistSession: false },
    });
    const signUp = await client.auth.signUp({ email, password });
    expect(signUp.error).toBeNull();
    const early = await client.auth.signInWithPassword({ email, password });
    expect(early.error?.code).toBe("email_not_confirmed");

    const token_hash = await readTokenHash(email);
    const verified = await client.auth.verifyOtp({ type: "signup", token_hash });
    expect(verified.error).toBeNull();
    const signIn = await client.auth.signInWithPassword({ email, password });
    expect(signIn.error).toBeNull();
    const claims = await client.auth.getClaims();
    expect(claims.data?.claims).toMatchObject({ iss: stack.jwtIssuer, role: "authenticated" });

    const { data, error } = await client.functions.invoke("me", { method: "GET" });
    expect(error).toBeNull();
    expect(data).toMatchObject({ email, email_verified: true });
  });

  test("the admin API answers the secret key", async () => {
    const admin = createClient(stack.url, stack.secretKey, { auth: { persistSession: false } });
    const email = `bob-${crypto.randomUUID()}@example.test`;
    const created = await admin.auth.admin.createUser({ email, email_confirm: true });
    expect(created.error).toBeNull();
    const deleted = await admin.auth.admin.deleteUser(created.data.user?.id ?? "");
    expect(deleted.error).toBeNull();
  });

  test("its keys can be read by their owner only", () => {
    for (const name of ["keys.json", "stack.env", "functions.log"]) {
      const { mode } = Deno.statSync(join(folder, "data", name));
      expect((mode ?? 0) & 0o077).toBe(0);
    }
  });

  test("the database is prepared as a hosted one", async () => {
    await asPostgres(async (sql) => {
      const [role] = await sql`
        select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
        from pg_roles where rolname = current_user`;
      expect(role).toEqual({
        rolsuper: false,
        rolbypassrls: true,
        rolcreaterole: true,
        rolcreatedb: true,
        rolreplication: true,
      });
      const [{ claims, uid }] = await sql.begin(async (transaction) => {
        const sub = crypto.randomUUID();
        await transaction`select set_config('request.jwt.claims', ${
          JSON.stringify({ sub })
        }, true)`;
        return await transaction<[{ claims: string; uid: string }]>`
          select ${sub} as claims, auth.uid() as uid`;
      });
      expect(uid).toBe(claims);
      const grants = await sql`
        select distinct grantee from information_schema.role_table_grants
        where table_schema = 'public' and grantee = 'anon'`;
      expect(grants).toHaveLength(0);
      const closed = await sql`
        select relname from pg_class
        where relnamespace in ('auth'::regnamespace, 'storage'::regnamespace)
          and relkind = 'r' and not relrowsecurity`;
      expect([...closed]).toEqual([]);
    });
  });

  test.each([
    ["delete from storage.objects", "42501"],
    ["create table auth.mine ()", "42501"],
    ["set role supabase_auth_admin", "42501"],
    ["set role supabase_admin", "42501"],
  ])("postgres may not: %s", async (statement, code) => {
    await expect(asPostgres((sql) => sql.unsafe(statement))).rejects.toMatchObject({ code });
  });

  test.each([
    "create trigger probe after delete on auth.users for each row " +
    "execute function pg_temp.nothing()",
    "create policy probe on storage.objects for select to authenticated using (false)",
    "create role probe_role",
    "create extension citext with schema extensions",
  ])("postgres may: %s", async (statement) => {
    await asPostgres(async (sql) => {
      const rolledBack = sql.begin(async (transaction) => {
        await transaction.unsafe(
          "create function pg_temp.nothing() returns trigger language plpgsql as 'begin return null; end'",
        );
        await transaction.unsafe(statement);
        throw new Error("Rolled back on purpose");
      });
      await expect(rolledBack).rejects.toThrow("Rolled back on purpose");
    });
  });

  test("the drain runs by itself", async () => {
    const { status } = await fetch(`${stack.url}/functions/v1/auth-webhook/drain`, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.environment.HEIMDEX_CRON_SECRET}` },
    });
    expect(status).toBe(200);
  });

  test("an unknown function is 404", async () => {
    const response = await fetch(`${stack.url}/functions/v1/nothing`);
    expect(response.status).toBe(404);
  });

  test("it listens on loopback only", () => {
    const open = Deno.networkInterfaces().filter(({ address, family }) =>
      family === "IPv4" && address !== "127.0.0.1"
    );
    const port = Number(new URL(stack.url).port);
    const attempts = open.map(({ address }) => Deno.connect({ hostname: address, port }));
    return Promise.all(attempts.map((attempt) => expect(attempt).rejects.toThrow()));
  });
});

describe("starting and stopping", () => {
  test("a stopped stack leaves no process; a second start is fast and keeps users", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const first = await startStack({ dataDir, port: 0, durable: false });
    const email = `carol-${crypto.randomUUID()}@example.test`;
    const admin = createClient(first.url, first.secretKey, { auth: { persistSession: false } });
    await admin.auth.admin.createUser({ email, email_confirm: true });
    await first.stop();
    expect(processesNaming(dataDir)).toEqual([]);

    const begun = performance.now();
    const second = await startStack({ dataDir, port: 0, durable: false });
    onTestFinished(() => second.stop());
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(second.secretKey).toBe(first.secretKey);
    const again = createClient(second.url, second.secretKey, { auth: { persistSession: false } });
    const { data } = await again.auth.admin.listUsers();
    expect(data.users.map((user) => user.email)).toContain(email);
  });

  test("a folder in use is a sentence that names the run", async () => {
    await expect(startStack({ dataDir: join(folder, "data"), port: 0 })).rejects.toThrow(
      new RegExp(`already runs on the folder .*process ${Deno.pid} at ${stack.url}`),
    );
  });

  test("a taken port is a sentence, and nothing stays behind", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const port = Number(new URL(stack.url).port);
    await expect(startStack({ dataDir, port })).rejects.toThrow(
      /Port \d+ is taken by another program: .*npm start -- --port/,
    );
    expect(processesNaming(dataDir)).toEqual([]);
  });

  test("damaged keys and a half-written database are sentences, and a reset heals both", async () => {
    const dataDir = join(temporaryFolder(), "data");
    Deno.mkdirSync(join(dataDir, "postgres/base"), { recursive: true });
    await expect(startStack({ dataDir, port: 0, durable: false })).rejects.toThrow(
      /half-written.*npm start -- --reset/,
    );
    Deno.writeTextFileSync(join(dataDir, "keys.json"), "{");
    await expect(startStack({ dataDir, port: 0, durable: false })).rejects.toThrow(
      /keys in .* cannot be read.*npm start -- --reset/,
    );
    const healed = await startStack({ dataDir, port: 0, durable: false, reset: true });
    await healed.stop();
  });
});

describe("a PostgreSQL of one's own", () => {
  test("is prepared in the same way and not stopped", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const name = `other_${crypto.randomUUID().slice(0, 8)}`;
    const admin = postgres(stack.adminDatabaseUrl, { max: 1, onnotice: () => {} });
    onTestFinished(async () => {
      await admin`drop database ${admin(name)} with (force)`;
      await admin.end();
    });
    await admin`create database ${admin(name)}`;
    const url = new URL(stack.adminDatabaseUrl);
    url.pathname = `/${name}`;
    Deno.mkdirSync(dataDir);
    // Roles belong to the whole server, so both stacks must know the same passwords.
    Deno.copyFileSync(join(folder, "data/keys.json"), join(dataDir, "keys.json"));
    const other = await startStack({ dataDir, port: 0, databaseUrl: url.href });
    const health = await fetch(`${other.url}/auth/v1/health`);
    expect(health.status).toBe(200);
    await other.stop();
    expect(await admin`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("out of reach, or without the rights, is a sentence", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const dead = "postgresql://postgres@127.0.0.1:1/postgres";
    await expect(startStack({ dataDir, port: 0, databaseUrl: dead })).rejects.toThrow(
      /Cannot use PostgreSQL at 127.0.0.1:1 of DATABASE_URL/,
    );
    await expect(startStack({ dataDir, port: 0, databaseUrl: "nonsense" })).rejects.toThrow(
      /DATABASE_URL is no PostgreSQL URL/,
    );
    await expect(startStack({ dataDir, port: 0, databaseUrl: stack.databaseUrl })).rejects.toThrow(
      /is no superuser and cannot prepare the database/,
    );
    await expect(
      startStack({ dataDir, port: 0, databaseUrl: stack.adminDatabaseUrl, reset: true }),
    ).rejects.toThrow(/A reset does not touch/);
  });
});

/** The one-time token of the newest mail to this address, out of the mail's link. */
async function readTokenHash(email: string): Promise<string> {
  const address = `${stack.mailUrl}/messages.json?to=${encodeURIComponent(email)}`;
  const mails = await (await fetch(address)).json() as { html: string; text: string }[];
  const link = /token(?:_hash)?=([^&"\s]+)/.exec(`${mails.at(-1)?.html} ${mails.at(-1)?.text}`);
  return link?.[1] ?? "";
}

describe("migrations", () => {
  const script = `
    import { pushMigrations } from "./local/bootstrap/mod.ts";
    try {
      await pushMigrations(Deno.args[0] ?? "");
      console.log("pushed");
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
    }`;

  /** A clone with one migration of its own and only those packages that pass the filter. */
  function makeClone(migration: string, keeps: (name: string) => boolean): string {
    const folder = temporaryFolder();
    const link = (name: string) => Deno.symlinkSync(join(project, name), join(folder, name));
    Deno.mkdirSync(join(folder, "supabase/migrations"), { recursive: true });
    Deno.writeTextFileSync(join(folder, "supabase/migrations/20990101000000_probe.sql"), migration);
    Deno.mkdirSync(join(folder, "node_modules/@supabase"), { recursive: true });
    for (const parent of ["node_modules", "node_modules/@supabase"]) {
      for (const { name } of Deno.readDirSync(join(project, parent))) {
        if (name !== "@supabase" && keeps(name)) link(`${parent}/${name}`);
      }
    }
    for (const name of ["deno.json", "package.json"]) link(name);
    const copied = new Deno.Command("cp", { args: ["-R", join(project, "local"), folder] });
    expect(copied.outputSync().success).toBe(true);
    Deno.writeTextFileSync(join(folder, "push.ts"), script);
    return folder;
  }

  async function push(folder: string): Promise<{ stdout: string; stderr: string }> {
    const name = `pushed_${crypto.randomUUID().slice(0, 8)}`;
    await asPostgres((sql) => sql`create database ${sql(name)}`);
    const url = new URL(stack.databaseUrl);
    url.pathname = `/${name}`;
    const run = runDeno([join(folder, "push.ts"), url.href], { cwd: folder });
    await run.status;
    await asPostgres((sql) => sql`drop database ${sql(name)} with (force)`);
    return { stdout: run.stdout(), stderr: run.stderr() };
  }

  test("are pushed by the CLI", async () => {
    const { stdout, stderr } = await push(makeClone("create table probe ();", () => true));
    expect(stderr).toBe("");
    expect(stdout).toContain("pushed");
  });

  test("that fail are named, with the words of the CLI and without the password", async () => {
    const { stderr } = await push(makeClone("create table broken (id nonsense);", () => true));
    expect(stderr).toMatch(/Migrations were not applied: 20990101000000_probe\.sql: .*"nonsense"/s);
    expect(stderr).not.toContain(new URL(stack.databaseUrl).password);
  });

  test("are pushed without the password among the arguments, which everybody may read", async () => {
    const clone = makeClone("select 1;", (name) => !name.startsWith("cli-"));
    const bin = join(clone, `node_modules/@supabase/cli-${platformName()}/bin`);
    Deno.mkdirSync(bin, { recursive: true });
    Deno.writeTextFileSync(join(bin, "../package.json"), "{}");
    const told = `#!/bin/sh\necho "ERROR: arguments $*; environment $PGPASSWORD;" >&2\nexit 1\n`;
    Deno.writeTextFileSync(join(bin, "supabase"), told, { mode: 0o755 });
    const { stderr } = await push(clone);
    const password = decodeURIComponent(new URL(stack.databaseUrl).password);
    const [, given, own] = /arguments (.*); environment (.*);/.exec(stderr) ?? [];
    expect(given).toContain("--db-url postgresql://postgres@");
    expect(given).not.toContain(password);
    expect(own).toBe(password);
  });

  test("need the CLI: without it there is a sentence", async () => {
    const { stderr } = await push(makeClone("select 1;", (name) => !name.startsWith("cli-")));
    expect(stderr).toMatch(/Supabase CLI for \S+ is not installed: run "npm ci"/);
  });
});
