// Starts the Deno that npm installed. Node only installs and launches; everything else runs on Deno.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = {
  "linux-x64": "@deno/linux-x64-glibc",
  "linux-arm64": "@deno/linux-arm64-glibc",
  "darwin-x64": "@deno/darwin-x64",
  "darwin-arm64": "@deno/darwin-arm64",
};

/** Path of the Deno binary for this machine; exits with a sentence when npm has not installed it. */
export function denoBinary() {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (!name) stop(`Deno has no npm package for ${process.platform}-${process.arch}`);
  const path = findBinary(name);
  if (!path) stop(`Cannot find "${name}": run "npm ci" in the project folder first`);
  makeExecutable(path);
  return path;
}

function findBinary(name) {
  try {
    const require = createRequire(import.meta.url);
    const path = join(dirname(require.resolve(`${name}/package.json`)), "deno");
    return existsSync(path) ? path : undefined;
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

// Some archives lose the bit, and the package's own install script may have been switched off.
function makeExecutable(path) {
  if ((statSync(path).mode & 0o111) === 0o111) return;
  try {
    chmodSync(path, 0o755);
  } catch {
    stop(`Cannot start "${path}": make it executable with "chmod 755"`);
  }
}

/** Nothing here phones home: update checks and telemetry of the tools we start are off. */
export const quietEnvironment = {
  DENO_NO_UPDATE_CHECK: "1",
  DO_NOT_TRACK: "1",
  SUPABASE_TELEMETRY_DISABLED: "1",
  LITE_TELEMETRY: "0",
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Flags of everything that runs our code: all of it is local, and nothing is downloaded. A request's
 * signal aborts when its client goes away and not, as Deno's old way has it, after every answer.
 */
export const runFlags = ["-A", "--cached-only", "--unstable-no-legacy-abort"];

/**
 * Flags of the `heimdex` command: it lives long on little, and V8 left to itself lets garbage grow to
 * many times that before it looks. None is a limit: what is needed is given.
 */
export const commandFlags = [
  ...runFlags,
  "--v8-flags=--max-semi-space-size=2,--initial-old-space-size=32,--heap-growing-percent=20",
];

/** Runs Deno with these arguments, passes signals on, and exits as it exits. */
export function runDeno(args) {
  const child = spawn(denoBinary(), args, {
    stdio: "inherit",
    // Long-running programs watch this number: they end when their launcher was killed.
    env: { ...process.env, ...quietEnvironment, HEIMDEX_LAUNCHER_PID: String(process.pid) },
  });
  if (process.env.npm_lifecycle_event) followParent(child);
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      // A terminal's Ctrl-C reaches the child itself; a second one would cut its clean-up short.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  child.on("error", (error) => stop(`Cannot start Deno: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const [name, handler] of handlers) process.off(name, handler);
    process.exit(signal ? 128 + constants.signals[signal] : code ?? 1);
  });
}

// A killed npm passes no signal on; whoever adopts this process then must not inherit what it runs.
function followParent(child) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) child.kill("SIGTERM");
  }, 1000);
  timer.unref();
}

function stop(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function isEntry() {
  const entry = process.argv[1];
  return entry !== undefined && existsSync(entry) &&
    realpathSync(entry) === realpathSync(fileURLToPath(import.meta.url));
}

if (isEntry()) {
  const [verb, ...rest] = process.argv.slice(2);
  if (!verb) stop("Usage: node tools/deno.mjs <run|check|lint|fmt|...> [arguments]");
  runDeno(verb === "run" ? ["run", ...runFlags, ...rest] : [verb, ...rest]);
}
