import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { readCommandLine } from "../../local/processes.ts";

export const project = resolve(import.meta.dirname ?? ".", "../..");
export const isRoot = Deno.uid() === 0;

/** Root may lend an ordinary user only a clone that others can enter. */
export const canLendProject = isRoot && new Deno.Command("/bin/sh", {
  args: ["-c", 'cd -- "$1"', "sh", project],
  uid: 65534,
  gid: 65534,
  cwd: "/",
  stdout: "null",
  stderr: "null",
}).outputSync().success;

/** A folder that lives as long as the test. */
export function temporaryFolder(mode = 0o755): string {
  const path = Deno.makeTempDirSync({ prefix: "heimdex-local-" });
  Deno.chmodSync(path, mode);
  onTestFinished(() => removeFolder(path));
  return path;
}

/** What a killed process had started may still write its last files; Deno's rm does not retry. */
async function removeFolder(path: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(100);
    }
  }
}

export interface DenoRun {
  pid: number;
  stdout: () => string;
  stderr: () => string;
  status: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
}

export interface DenoRunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** An ordinary user to run as; only root can. */
  user?: { uid: number; gid: number };
  command?: string;
}

/** Starts Deno on a file of ours, as `npm start` does, and keeps what it prints. */
export function runDeno(args: string[], o: DenoRunOptions = {}): DenoRun {
  const child = new Deno.Command(o.command ?? Deno.execPath(), {
    args: o.command ? args : ["run", "-A", "--cached-only", ...args],
    cwd: o.cwd ?? project,
    env: { DATABASE_URL: "", DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1", ...o.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...o.user,
  }).spawn();
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const kill = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // Already gone.
    }
  };
  onTestFinished(async () => {
    kill("SIGTERM");
    await child.status;
  });
  // The last words of a process may arrive after its exit, and never end if it left a child behind.
  const readAll = () => Promise.race([Promise.all([stdout.ended, stderr.ended]), sleep(2_000)]);
  return {
    pid: child.pid,
    stdout: stdout.text,
    stderr: stderr.text,
    status: child.status.then((status) => readAll().then(() => status)),
    kill,
  };
}

function collect(stream: ReadableStream<Uint8Array>): { text(): string; ended: Promise<void> } {
  const decoder = new TextDecoder();
  let text = "";
  async function read(): Promise<void> {
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  }
  return { text: () => text, ended: read() };
}

/** Polls until the condition holds; throws with the description after the time given. */
export async function until(
  description: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${description}`);
    await sleep(50);
  }
}

/** Command lines of running processes that name this text, such as a folder of the test. */
export function processesNaming(text: string): string[] {
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Boolean);
  return pids.filter((pid) => pid !== Deno.pid).map(readCommandLine)
    .filter((line) => line.includes(text));
}
