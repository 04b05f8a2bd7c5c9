import { readFileSync, statfsSync } from "node:fs";
import { freemem } from "node:os";

/** Octets; a run needs a fraction of it. */
const room = 6 * 1024 ** 3;

/**
 * Where a run puts the folders of its stacks: where TMPDIR says, or else in memory when there is much
 * of it. A copy of a database is hundreds of small files, which cost a disk ten times the processor
 * time. undefined leaves it to the operating system.
 */
export function chooseTemporaryFolder(
  environment: Record<string, string | undefined>,
  memory = "/dev/shm",
): string | undefined {
  if (environment.TMPDIR) return environment.TMPDIR;
  return isFileSystemInMemory(memory) && hasRoom(memory) ? memory : undefined;
}

/** Programs in it can be run, too: some tests do. */
function isFileSystemInMemory(folder: string): boolean {
  const mounts = readMounts().map((line) => line.split(" "));
  const [, , type, options = ""] = mounts.findLast(([, path]) => path === folder) ?? [];
  return type === "tmpfs" && !/\b(noexec|ro)\b/.test(options);
}

function readMounts(): string[] {
  try {
    return readFileSync("/proc/mounts", "utf8").split("\n");
  } catch {
    return [];
  }
}

function hasRoom(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return Math.min(bavail * bsize, freemem()) > room;
}
