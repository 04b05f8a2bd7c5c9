import { join } from "node:path";
import { removeCluster } from "./postgres/mod.ts";
import { LocalStackError } from "./errors.ts";

/** The data folder of one stack, held by this process alone until it is released. */
export interface DataFolder {
  path: string;
  postgresDir: string;
  storageDir: string;
  cliHome: string;
  /** Writes down where the stack answers, for a second start's sentence. */
  announce(url: string): Promise<void>;
  /** Deletes all that the stack keeps here. */
  reset(): Promise<void>;
  release(): Promise<void>;
}

const LOCK_FILE = "run.json";

/**
 * Opens the folder for one run. The operating system drops the lock when its holder dies in any
 * way, so what a killed run leaves is its note and no lock.
 */
export async function openDataFolder(
  path: string,
  log: (line: string) => void,
): Promise<DataFolder> {
  await prepareFolder(path);
  const lock = await Deno.open(join(path, LOCK_FILE), { read: true, write: true, create: true });
  const note = await readNote(join(path, LOCK_FILE));
  if (!await lock.tryLock(true)) {
    lock.close();
    throw new LocalStackError(
      `A stack already runs on the folder "${path}"${note ? ` (${describe(note)})` : ""}: ` +
        `use it, stop it first, or choose another folder with HEIMDEX_DATA_DIR`,
    );
  }
  if (note) log(`The earlier run (${describe(note)}) was killed: cleaning up after it`);
  await writeNote(lock, { pid: Deno.pid });
  const postgresDir = join(path, "postgres");
  return {
    path,
    postgresDir,
    storageDir: join(path, "storage"),
    cliHome: join(path, "cli"),
    announce: (url) => writeNote(lock, { pid: Deno.pid, url }),
    reset: () => emptyFolder(path, postgresDir),
    release: async () => {
      await writeNote(lock, undefined);
      lock.close();
    },
  };
}

interface RunNote {
  pid: number;
  url?: string;
}

async function prepareFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
    // Started by root, PostgreSQL runs as another user, which must be able to pass through.
    if (Deno.uid() === 0) await Deno.chmod(path, 0o711);
    await Deno.writeTextFile(join(path, ".gitignore"), "*\n");
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new LocalStackError(
      `The data folder "${path}" cannot be written by this user: start as its owner, ` +
        `or choose another folder with HEIMDEX_DATA_DIR`,
    );
  }
}

async function readNote(path: string): Promise<RunNote | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as RunNote;
  } catch {
    return undefined;
  }
}

async function writeNote(file: Deno.FsFile, note: RunNote | undefined): Promise<void> {
  await file.truncate(0);
  await file.seek(0, Deno.SeekMode.Start);
  if (note) await file.write(new TextEncoder().encode(JSON.stringify(note)));
}

function describe(note: RunNote): string {
  return note.url ? `process ${note.pid} at ${note.url}` : `process ${note.pid}`;
}

async function emptyFolder(path: string, postgresDir: string): Promise<void> {
  await removeCluster(postgresDir);
  for await (const { name } of Deno.readDir(path)) {
    if (name !== LOCK_FILE && name !== ".gitignore") {
      await Deno.remove(join(path, name), { recursive: true });
    }
  }
}
