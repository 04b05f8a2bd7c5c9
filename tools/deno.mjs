// Starts the Deno that npm installed. Node only installs and launches; everything else runs on Deno.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { constants } from "node:os";

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
  try {
    const require = createRequire(import.meta.url);
    const path = join(dirname(require.resolve(`${name}/package.json`)), "deno");
    if (existsSync(path)) return path;
  } catch { /* told below */ }
  return stop(`Cannot find "${name}": run "npm ci" in the project folder first`);
}

/** Nothing here phones home: update checks and telemetry of the tools we start are off. */
export const quietEnvironment = {
  DENO_NO_UPDATE_CHECK: "1",
  DO_NOT_TRACK: "1",
  SUPABASE_TELEMETRY_DISABLED: "1",
  LITE_TELEMETRY: "0",
};

/** Runs Deno with these arguments, passes signals on, and exits as it exits. */
export function runDeno(args) {
  const child = spawn(denoBinary(), args, {
    stdio: "inherit",
    env: { ...process.env, ...quietEnvironment },
  });
  // A terminal's Ctrl-C reaches the child itself; swallowing it here lets the child finish its clean-up.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}

function stop(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

const RUN_FLAGS = ["-A", "--cached-only"];
if (process.argv[1] && import.meta.url.endsWith(process.argv[1].split(/[\\/]/).pop())) {
  const [verb, ...rest] = process.argv.slice(2);
  runDeno(verb === "run" ? ["run", ...RUN_FLAGS, ...rest] : [verb, ...rest]);
}
