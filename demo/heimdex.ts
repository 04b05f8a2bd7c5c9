import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What a run of the heimdex command left. */
export interface CommandResult {
  code: number;
  /** Standard output and standard error. */
  out: string;
}

const command = fileURLToPath(new URL("../cli/bin/heimdex.mjs", import.meta.url));

/** Runs the heimdex command as an operator does, with these settings and no others. */
export function heimdex(
  args: string[],
  settings: Record<string, string> = {},
): Promise<CommandResult> {
  const { PATH = "", HOME = "" } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn("node", [command, ...args], { env: { PATH, HOME, ...settings } });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => out += text);
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, out }));
  });
}
