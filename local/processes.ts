import process from "node:process";

/** Whether a process with this number runs; one that has ended and waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, but belongs to someone else.
    return (error as { code?: string }).code === "EPERM";
  }
  return !isZombie(pid);
}

/** Command line of a process, words joined by spaces; empty when it is gone. */
export function readCommandLine(pid: number): string {
  if (Deno.build.os === "linux") {
    return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  }
  const { stdout } = new Deno.Command("ps", {
    args: ["-o", "command=", "-p", String(pid)],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  return new TextDecoder().decode(stdout).trim();
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

/** A container whose first process reaps nothing keeps them for ever. */
function isZombie(pid: number): boolean {
  // The state follows the program's name in brackets, which may hold anything.
  return /^.*\)\s+[ZX]\s/s.test(readOrEmpty(`/proc/${pid}/stat`));
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
