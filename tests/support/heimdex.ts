import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../cli/program.ts";
import { useStack } from "./stack.ts";

const shim = fileURLToPath(new URL("../../cli/bin/heimdex.mjs", import.meta.url));

/** How a run of the command ended. */
export interface CommandResult {
  code: number;
  out: string;
  err: string;
}

/**
 * Runs the command as npm links it, from a folder that is not the project's and without a terminal.
 * It knows this run's database; `env` adds settings and takes away those that are undefined.
 */
export function heimdex(
  args: string[],
  env: Record<string, string | undefined> = {},
): Promise<CommandResult> {
  const { DATABASE_URL: _url, SUPABASE_DB_URL: _other, ...inherited } = process.env;
  const given = { DATABASE_URL: useStack().databaseUrl, ...env };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const options = { cwd: tmpdir(), env: { ...inherited, ...Object.fromEntries(known) } };
  return new Promise((resolve) => {
    execFile("node", [shim, ...args], options, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

/** Runs the command in this process, with this environment and nothing else: no launch to wait for. */
export async function heimdexHere(
  args: string[],
  env: Record<string, string | undefined>,
  { now = () => new Date() }: { now?: () => Date } = {},
): Promise<CommandResult> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram(args, {
    env,
    version: "0.0.0",
    now,
    out: (text) => void out.push(`${text}\n`),
    err: (text) => void err.push(`${text}\n`),
  });
  return { code, out: out.join(""), err: err.join("") };
}
