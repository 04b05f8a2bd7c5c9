import { commandFlags } from "../../../tools/deno.mjs";

/** What a run of the command took. */
export interface MeasuredRun {
  out: string;
  /** From the start of the process to its end. */
  seconds: number;
  /** The most memory that was resident at once, in MiB. */
  memory: number;
}

const lookEveryMs = 100;
const main = new URL("../../../cli/main.ts", import.meta.url).pathname;

/**
 * Runs `heimdex` as a process of its own and looks at its memory until it ends. The kernel keeps
 * the peak, so that nothing between two looks is missed but what comes after the last one.
 */
export async function runMeasured(
  args: string[],
  env: Record<string, string>,
): Promise<MeasuredRun> {
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...commandFlags, main, ...args],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let memory = 0;
  const timer = setInterval(() => memory = Math.max(memory, readPeak(child.pid)), lookEveryMs);
  const { code, stdout, stderr } = await child.output().finally(() => clearInterval(timer));
  const seconds = (performance.now() - started) / 1000;
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`heimdex ${args.join(" ")} ended with ${code}: ${err} ${out}`);
  return { out: out ?? "", seconds, memory };
}

/** Peak of resident memory in MiB; 0 for a process that has ended. */
function readPeak(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
