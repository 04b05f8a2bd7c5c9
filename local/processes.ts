import process from "node:process";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessStamp {
  pid: number;
  /** When it started, in the operating system's own notation. */
  startedAt: string;
}

/** Stamp of a running process; undefined when there is none with this number. */
export function stampProcess(pid: number): ProcessStamp | undefined {
  if (!isAlive(pid)) return undefined;
  const startedAt = Deno.build.os === "linux" ? startFromProc(pid) : startFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether exactly this process still runs. */
export function isRunning(stamp: ProcessStamp): boolean {
  return stampProcess(stamp.pid)?.startedAt === stamp.startedAt;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, but belongs to someone else.
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Command line of a process, words joined by spaces; empty when it is gone. */
export function readCommandLine(pid: number): string {
  if (Deno.build.os === "linux") {
    return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  }
  return runPs(pid, "command=");
}

/** Waits until the process is gone; false when it still runs after the time given. */
export async function waitForExit(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

function startFromProc(pid: number): string | undefined {
  // The second field is the program's name in brackets and may hold spaces: count from its end.
  const fields = readOrEmpty(`/proc/${pid}/stat`).replace(/^.*\)\s/s, "").split(" ");
  const isZombie = fields[0] === "Z" || fields[0] === "X";
  return isZombie ? undefined : fields[19];
}

function startFromPs(pid: number): string | undefined {
  return runPs(pid, "lstart=") || undefined;
}

function runPs(pid: number, field: string): string {
  const { stdout } = new Deno.Command("ps", {
    args: ["-o", field, "-p", String(pid)],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
