import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../house-rules/project.ts";

const launcher = join(root, "tools/deno.mjs");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-launcher-"));
  await Promise.all([
    writeFile(join(folder, "exit.ts"), "Deno.exit(Number(Deno.args[0]));"),
    writeFile(
      join(folder, "die.ts"),
      'Deno.kill(Deno.pid, "SIGKILL"); await new Promise(() => {});',
    ),
    writeFile(
      join(folder, "environment.ts"),
      'console.log(JSON.stringify(["DENO_NO_UPDATE_CHECK", "DO_NOT_TRACK", "SUPABASE_TELEMETRY_DISABLED"].map((name) => Deno.env.get(name))));',
    ),
    writeFile(
      join(folder, "wait.ts"),
      `for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        Deno.addSignalListener(signal, () => { console.log("cleaned up after " + signal); Deno.exit(7); });
      }
      console.log(Deno.pid);
      setInterval(() => {}, 1000);`,
    ),
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function launch(...args: string[]): ChildProcess {
  return spawn("node", [launcher, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
}

/** Waits for the end; gives exit code and output. */
function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once("data", (chunk) => resolve(String(chunk))));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("tools/deno.mjs", () => {
  it.each([0, 1, 3])("exits with %i as the program does", async (code) => {
    expect(await ended(launch("run", "exit.ts", String(code)))).toMatchObject({ code });
  });

  it("exits with 128 and the signal's number when the program is killed", async () => {
    expect(await ended(launch("run", "die.ts"))).toMatchObject({ code: 137 });
  });

  it("switches off what would phone home", async () => {
    const { out } = await ended(launch("run", "environment.ts"));
    expect(JSON.parse(out)).toEqual(["1", "1", "1"]);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "hands %s on, waits for the clean-up, and leaves no process",
    async (signal) => {
      const child = launch("run", "wait.ts");
      const end = ended(child);
      const pid = Number(await firstLine(child));
      // Not child.kill(): after that Deno reports no exit code, whatever the process answers.
      process.kill(child.pid ?? 0, signal);
      const { code, out } = await end;
      expect({ code, out }).toEqual({
        code: 7,
        out: expect.stringContaining(`cleaned up after ${signal}`),
      });
      expect(isAlive(pid)).toBe(false);
    },
  );

  it("says how it is used when it is told nothing", async () => {
    const { code, err } = await ended(launch());
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^Usage: /) });
  });
});
