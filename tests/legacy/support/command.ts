import { spawn } from "node:child_process";
import process from "node:process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Stack } from "../../../local/stack.ts";
import { runProgram } from "../../../cli/program.ts";
import { runFlags } from "../../../tools/deno.mjs";

/** How a command ended. */
export interface CommandResult {
  code: number;
  out: string;
  err: string;
}

/** Settings that an operator has: those of the functions, and the former system's. */
export type Settings = Record<string, string>;

/** Runs `heimdex` in this process, without a terminal. */
export async function runCommand(args: string[], settings: Settings): Promise<CommandResult> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram(args, {
    env: settings,
    version: "0.0.0",
    now: () => new Date(),
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** Runs `heimdex`, expects this exit code and returns what it wrote as JSON. */
export async function runJson<T>(args: string[], settings: Settings, code = 0): Promise<T> {
  const result = await runCommand([...args.filter((one) => one !== "--json"), "--json"], settings);
  expect(result.code, `heimdex ${args.join(" ")}\n${result.err}\n${result.out}`).toBe(code);
  return JSON.parse(result.out) as T;
}

/** `heimdex` as a process of its own. */
export interface RunningCommand {
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
  /** Ends it by SIGKILL; with `all` also every process that it has started. */
  kill(o: { all: boolean }): void;
}

/** Starts `heimdex` in a process group of its own. */
export function startCommand(args: string[], settings: Settings): RunningCommand {
  const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
  const child = spawn(Deno.execPath(), ["run", ...runFlags, main, ...args], {
    env: { ...process.env, ...settings },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err] = [text(child.stdout), text(child.stderr)];
  return {
    ended: new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        // A child of a killed command may hold its output open for as long as it lives.
        if (signal !== null) resolve({ code, signal, out: "", err: "" });
        else {void Promise.all([out, err]).then(([o, e]) =>
            resolve({ code, signal, out: o, err: e })
          );}
      });
    }),
    kill: ({ all }) => {
      const { pid } = child;
      if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(all ? -pid : pid, "SIGKILL");
    },
  };
}

/** What an operator of this project sets; `legacyUrl` where the former system lies elsewhere. */
export function settingsOf(stack: Stack, o: { legacyUrl?: string; s3?: Settings } = {}): Settings {
  return {
    ...stack.environment,
    ...o.s3,
    ...(o.legacyUrl ? { LEGACY_DATABASE_URL: o.legacyUrl } : {}),
  };
}
