import { runFlags } from "../../../tools/deno.mjs";
import { TextLineStream } from "./lines.ts";

/** A process of ours that answers each line of JSON with a line of JSON. */
export interface Child {
  readonly pid: number;
  /** Sends one message and waits for its answer. */
  ask(message: unknown): Promise<unknown>;
  /** Ends its input, which ends it. */
  stop(): Promise<void>;
}

/**
 * Starts one of the scripts beside this file. It answers on its standard error when `quiet`, for then
 * its standard output is the log of the functions and goes nowhere.
 */
export function startChild(
  script: string,
  { quiet = false, environment = {} }: { quiet?: boolean; environment?: Record<string, string> } =
    {},
): Child {
  const path = new URL(script, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, path],
    env: environment,
    stdin: "piped",
    stdout: quiet ? "null" : "piped",
    stderr: quiet ? "piped" : "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = (quiet ? child.stderr : child.stdout).pipeThrough(new TextLineStream()).getReader();
  const encoder = new TextEncoder();
  return {
    pid: child.pid,
    async ask(message) {
      await writer.write(encoder.encode(`${JSON.stringify(message)}\n`));
      const { value } = await lines.read();
      if (value === undefined) throw new Error(`"${script}" ended without an answer`);
      if (!value.startsWith("{")) throw new Error(`"${script}" failed: ${value}`);
      return JSON.parse(value);
    },
    async stop() {
      await writer.close().catch(() => {});
      await lines.cancel();
      await child.status;
    },
  };
}
