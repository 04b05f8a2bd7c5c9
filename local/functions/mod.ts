import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalStackError } from "../errors.ts";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const LOG_LIMIT_BYTES = 10_000_000;

export interface FunctionsServer {
  /** Origin of the router; a function answers at /functions/v1/<name> and /<name>. */
  url: string;
  stop(): Promise<void>;
}

/** Starts the edge functions in a process of their own that sees the given environment and nothing else. */
export async function startFunctions(o: {
  environment: Record<string, string>;
  /** File that receives the functions' output. */
  logFile: string;
  /** Folder with one folder a function; default supabase/functions. */
  folder?: string;
  log?: (line: string) => void;
}): Promise<FunctionsServer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: routerArguments(o.folder ?? join(PROJECT, "supabase/functions")),
    cwd: PROJECT,
    clearEnv: true,
    env: { ...runtimeEnvironment(), ...o.environment },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // A terminal's Ctrl-C must reach the stack first, which then stops its parts in order.
    detached: true,
  }).spawn();
  const log = openLog(o.logFile);
  const { firstLine, done } = watchOutput(child.stdout, log);
  const written = Promise.all([done, copy(child.stderr, log)]).then(() => log.close());
  const stop = async () => {
    await child.stdin.close().catch(() => {});
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await child.status;
    clearTimeout(timer);
    await written;
  };
  const ready = await within(START_TIMEOUT_MS, firstLine);
  if (!ready) {
    await stop();
    throw new LocalStackError(
      `The functions did not start: read "${o.logFile}", correct what it names and start again`,
    );
  }
  for (const [name, reason] of Object.entries(ready.failures)) {
    o.log?.(`The function "${name}" did not start and answers 503: ${reason}`);
  }
  return { url: `http://127.0.0.1:${ready.port}`, stop };
}

/** Kept over restarts, but not for ever. */
function openLog(path: string): Deno.FsFile {
  const log = Deno.openSync(path, { create: true, append: true, mode: 0o600 });
  if (log.statSync().size > LOG_LIMIT_BYTES) log.truncateSync();
  return log;
}

interface ReadyLine {
  port: number;
  failures: Record<string, string>;
}

function routerArguments(folder: string): string[] {
  return [
    "run",
    "--cached-only",
    "--no-prompt",
    "--allow-net",
    "--allow-env",
    "--allow-sys",
    `--allow-read=${PROJECT},${folder}`,
    "--unstable-no-legacy-abort",
    join(PROJECT, "local/functions/router.ts"),
    folder,
    "0",
  ];
}

/** What Deno itself needs; functions read none of it. */
function runtimeEnvironment(): Record<string, string> {
  const kept: Record<string, string> = { DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };
  for (const name of ["HOME", "PATH", "DENO_DIR", "TMPDIR", "NO_COLOR"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Copies the output to the log; its ready line comes as a value, undefined when the output ends before. */
function watchOutput(
  stream: ReadableStream<Uint8Array>,
  log: Deno.FsFile,
): { firstLine: Promise<ReadyLine | undefined>; done: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<ReadyLine | undefined>();
  const decoder = new TextDecoder();
  let seen: string | undefined = "";
  const read = async () => {
    for await (const chunk of stream) {
      await log.write(chunk);
      if (seen === undefined) continue;
      seen += decoder.decode(chunk, { stream: true });
      const line = /^\{"ready":true.*$/m.exec(seen);
      if (!line || !seen.includes("\n", line.index)) continue;
      seen = undefined;
      resolve(JSON.parse(line[0]) as ReadyLine);
    }
    resolve(undefined);
  };
  return { firstLine: promise, done: read() };
}

async function copy(stream: ReadableStream<Uint8Array>, log: Deno.FsFile): Promise<void> {
  for await (const chunk of stream) await log.write(chunk);
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), milliseconds);
  const first = await Promise.race([work, promise]);
  clearTimeout(timer);
  return first;
}
