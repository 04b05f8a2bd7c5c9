import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  canLendProject,
  type DenoRun,
  processesNaming,
  project,
  runDeno,
  temporaryFolder,
  until,
} from "./support.ts";

const START_MS = 40_000;

function start(dataDir: string, args: string[] = [], how: "deno" | "npm" = "deno"): DenoRun {
  const env = { HEIMDEX_DATA_DIR: dataDir };
  const options = ["--port", "0", ...args];
  return how === "npm"
    ? runDeno(["start", "--silent", "--", ...options], { env, command: "npm" })
    : runDeno([join(project, "local/main.ts"), ...options], { env });
}

interface Ready {
  url: string;
  publishable_key: string;
  secret_key: string;
  database_url: string;
  mail_url: string;
}

async function readReady(run: DenoRun): Promise<Ready> {
  await until("the JSON line", () => run.stdout().includes("\n"), START_MS);
  return JSON.parse(run.stdout().trim()) as Ready;
}

describe("npm start", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "through npm: prints one JSON line, and %s leaves no process",
    async (signal) => {
      const dataDir = join(temporaryFolder(), "data");
      const run = start(dataDir, ["--json"], "npm");
      const ready = await readReady(run);
      expect(ready.publishable_key).toMatch(/^sb_publishable_/);
      expect(ready.secret_key).toMatch(/^sb_secret_/);
      expect(ready.database_url).toMatch(/^postgresql:\/\/postgres:/);
      expect((await fetch(`${ready.url}/health`)).status).toBe(200);
      run.kill(signal);
      await run.status;
      await until("every process is gone", () => processesNaming(dataDir).length === 0);
      await expect(fetch(ready.url)).rejects.toThrow();
    },
    60_000,
  );

  test("a killed launcher takes the stack with it", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const run = runDeno(
      [join(project, "tools/deno.mjs"), "run", "local/main.ts", "--port", "0", "--json"],
      { env: { HEIMDEX_DATA_DIR: dataDir }, command: "node" },
    );
    const ready = await readReady(run);
    run.kill("SIGKILL");
    await until("every process is gone", () => processesNaming(dataDir).length === 0);
    await expect(fetch(ready.url)).rejects.toThrow();
  }, 60_000);

  test("prints what a developer needs, and says so after a killed run", async () => {
    const dataDir = join(temporaryFolder(), "data");
    const killed = start(dataDir, ["--json"]);
    await readReady(killed);
    killed.kill("SIGKILL");
    await killed.status;
    const run = start(dataDir);
    await until("it is ready", () => run.stdout().includes("Ready in"), START_MS);
    for (const label of ["API", "Publishable key", "Secret key", "Database", "Mails"]) {
      expect(run.stdout()).toMatch(new RegExp(`^${label} +\\S+$`, "m"));
    }
    expect(run.stdout()).toContain("Only for development: it binds loopback");
    expect(run.stderr()).toMatch(/The earlier run \(process \d+ at \S+\) was killed: cleaning up/);
    run.kill("SIGINT");
    expect((await run.status).success).toBe(true);
  }, 60_000);

  test.each([
    [["--port", "70000"], "The port must be a whole number from 0 to 65535"],
    [["--prot", "1"], "npm start -- --help"],
  ])("refuses %j with a sentence", async (args, sentence) => {
    const run = start(join(temporaryFolder(), "data"), args);
    expect((await run.status).code).toBe(1);
    expect(run.stderr()).toContain(sentence);
    expect(run.stderr()).not.toContain("    at ");
  });

  test("--help lists the options", async () => {
    const run = start(join(temporaryFolder(), "data"), ["--help"]);
    expect((await run.status).success).toBe(true);
    for (const option of ["--port", "--reset", "--json"]) expect(run.stdout()).toContain(option);
  });

  test.runIf(canLendProject)("runs as an ordinary user too", async () => {
    const folder = temporaryFolder();
    Deno.chownSync(folder, 65534, 65534);
    const run = runDeno([join(project, "local/main.ts"), "--port", "0", "--json"], {
      env: { HEIMDEX_DATA_DIR: join(folder, "data"), HOME: folder },
      user: { uid: 65534, gid: 65534 },
    });
    const ready = await readReady(run);
    expect((await fetch(`${ready.url}/health`)).status).toBe(200);
    expect(Deno.statSync(join(folder, "data/postgres")).uid).toBe(65534);
    run.kill("SIGTERM");
    expect((await run.status).success).toBe(true);
    expect(processesNaming(folder)).toEqual([]);
  }, 60_000);
});
