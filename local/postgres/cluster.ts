import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { LocalStackError, messageOf } from "../errors.ts";
import { isAlive, readCommandLine, waitForExit } from "../processes.ts";
import { canEnter, type OperatingUser, runAs } from "./operating-user.ts";

const RELOCATED = "/var/lib/heimdex/clusters";
const ORPHAN_AGE_MS = 24 * 3_600_000;

/**
 * The folder PostgreSQL works in: the data folder itself, or, when its operating-system user cannot
 * enter that (a clone in a folder of mode 700), one under /var/lib that `<dataDir>.location` names.
 */
export async function placeCluster(
  dataDir: string,
  user: OperatingUser | undefined,
): Promise<string> {
  const parent = dirname(dataDir);
  await Deno.mkdir(parent, { recursive: true });
  if (!user || await canEnter(user, parent)) return dataDir;
  const relocated = await findRelocated(dataDir) ?? nameRelocated(dataDir);
  await notePlace(dataDir, relocated);
  await removeOrphans();
  if (await exists(join(dataDir, "PG_VERSION")) && !await exists(relocated)) {
    await runAs(undefined, "mv", [dataDir, relocated]);
  }
  return relocated;
}

async function notePlace(dataDir: string, relocated: string): Promise<void> {
  try {
    await Deno.mkdir(RELOCATED, { recursive: true, mode: 0o755 });
    await Deno.writeTextFile(`${relocated}.origin`, dirname(dataDir));
    await Deno.writeTextFile(`${dataDir}.location`, relocated);
  } catch (error) {
    throw new LocalStackError(
      `PostgreSQL cannot enter "${
        dirname(dataDir)
      }" as the user it has to run as, and "${RELOCATED}" ` +
        `cannot be written (${
          messageOf(error)
        }): open the folder with "chmod 711" or choose another ` +
        `with HEIMDEX_DATA_DIR`,
      { cause: error },
    );
  }
}

/** Deletes a data folder's cluster wherever it lies; it must not be running. */
export async function removeCluster(dataDir: string): Promise<void> {
  const relocated = await findRelocated(dataDir);
  const elsewhere = relocated ? [relocated, `${relocated}.origin`] : [];
  for (const path of [dataDir, `${dataDir}.location`, `${dataDir}.lock`, ...elsewhere]) {
    await Deno.remove(path, { recursive: true }).catch(ignoreMissing);
  }
}

function nameRelocated(dataDir: string): string {
  return join(RELOCATED, createHash("sha256").update(dataDir).digest("hex").slice(0, 24));
}

/** A moved clone keeps its cluster; a copied one, whose original still stands, gets its own. */
async function findRelocated(dataDir: string): Promise<string | undefined> {
  const relocated = await Deno.readTextFile(`${dataDir}.location`).catch(() => undefined);
  if (relocated === undefined || dirname(relocated) !== RELOCATED) return undefined;
  const origin = await Deno.readTextFile(`${relocated}.origin`).catch(() => "");
  const isAnothers = origin !== dirname(dataDir) && origin !== "" && await exists(origin);
  return isAnothers ? undefined : relocated;
}

/** Relocated clusters whose project folder is long gone would otherwise stay for ever. */
async function removeOrphans(): Promise<void> {
  const entries = await Array.fromAsync(Deno.readDir(RELOCATED));
  for (const { name } of entries.filter((entry) => entry.name.endsWith(".origin"))) {
    const path = join(RELOCATED, name);
    const origin = await Deno.readTextFile(path).catch(() => "/");
    const { mtime } = await Deno.lstat(path).catch(() => ({ mtime: new Date() }));
    const isRecent = Date.now() - (mtime?.getTime() ?? 0) < ORPHAN_AGE_MS;
    const cluster = path.replace(/\.origin$/, "");
    if (isRecent || await exists(origin) || await findPostmaster(cluster)) continue;
    await Deno.remove(cluster, { recursive: true }).catch(ignoreMissing);
    await Deno.remove(path).catch(ignoreMissing);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** "new" for a folder that is absent or empty, "complete" for a cluster of this version; anything else is a sentence. */
export async function inspectCluster(
  clusterDir: string,
  version: number,
): Promise<"new" | "complete"> {
  const names = await listNames(clusterDir);
  if (names.length === 0) return "new";
  const found = await Deno.readTextFile(join(clusterDir, "PG_VERSION")).catch(() => undefined);
  const control = await Deno.lstat(join(clusterDir, "global/pg_control")).catch(() => undefined);
  if (found === undefined || !control) {
    throw new LocalStackError(
      `The database folder "${clusterDir}" is only half-written, so an earlier start was cut short: ` +
        `run "npm start -- --reset" to begin anew`,
    );
  }
  if (found.trim() !== String(version)) {
    throw new LocalStackError(
      `The database folder "${clusterDir}" was made by PostgreSQL ${found.trim()} and version ${version} ` +
        `cannot open it: run "npm start -- --reset" to begin anew`,
    );
  }
  return "complete";
}

async function listNames(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.PermissionDenied) {
      throw notOurs(folder);
    }
    throw error;
  }
}

function notOurs(folder: string): LocalStackError {
  return new LocalStackError(
    `The database folder "${folder}" belongs to another operating-system user: ` +
      `start as that user, or choose another folder with HEIMDEX_DATA_DIR`,
  );
}

/** Runs initdb beside the final place and renames, so that a cluster is either whole or absent. */
export async function createCluster(o: {
  clusterDir: string;
  binDir: string;
  user: OperatingUser | undefined;
  superuserPassword: string;
}): Promise<void> {
  const prefix = leftoverPrefix(o.clusterDir);
  const aside = await Deno.makeTempDir({ dir: dirname(o.clusterDir), prefix });
  try {
    const passwordFile = join(aside, "password");
    await Deno.writeTextFile(passwordFile, `${o.superuserPassword}\n`, { mode: 0o600 });
    if (o.user) await giveTo(o.user, aside);
    await runInitdb(o.binDir, o.user, join(aside, "cluster"), passwordFile);
    await Deno.remove(o.clusterDir).catch(ignoreMissing);
    await Deno.rename(join(aside, "cluster"), o.clusterDir);
  } finally {
    await Deno.remove(aside, { recursive: true }).catch(ignoreMissing);
  }
}

async function runInitdb(
  binDir: string,
  user: OperatingUser | undefined,
  folder: string,
  passwordFile: string,
): Promise<void> {
  // In locale C, Hangul letters are no letters and have no trigrams. macOS has no C.UTF-8.
  const locale = Deno.build.os === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
  const initdb = await runAs(user, join(binDir, "initdb"), [
    `--pgdata=${folder}`,
    "--username=supabase_admin",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    `--locale=${locale}`,
    "--no-instructions",
    "--no-sync",
  ]);
  if (initdb.success) return;
  throw new LocalStackError(
    `PostgreSQL cannot create its data folder (${lastLine(initdb.text)}): ` +
      `check free space and the rights on "${dirname(dirname(folder))}"`,
  );
}

function leftoverPrefix(clusterDir: string): string {
  return `.${basename(clusterDir)}.new-`;
}

/** Deletes what first starts that were cut short left beside the cluster; a young one may be at work. */
export async function removeLeftovers(clusterDir: string): Promise<void> {
  const folder = dirname(clusterDir);
  const prefix = leftoverPrefix(clusterDir);
  for (const name of await listNames(folder)) {
    const path = join(folder, name);
    const isOld = async () => {
      const { birthtime, mtime } = await Deno.lstat(path);
      return Date.now() - (mtime ?? birthtime ?? new Date()).getTime() > 60_000;
    };
    if (name.startsWith(prefix) && await isOld()) await Deno.remove(path, { recursive: true });
  }
}

/** Hands a folder and all in it to the user; needed when root made or copied it. */
export async function giveTo(user: OperatingUser, folder: string): Promise<void> {
  await runAs(undefined, "chown", ["-R", `${user.uid}:${user.gid}`, folder]);
}

/** The postmaster that has this cluster open, from the file it keeps there; undefined when it is gone. */
export async function findPostmaster(clusterDir: string): Promise<{ pid: number } | undefined> {
  const text = await Deno.readTextFile(join(clusterDir, "postmaster.pid")).catch(() => "");
  const pid = Number(text.split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  // After a reboot or a kill the number may belong to any program.
  const isOurs = readCommandLine(pid).includes(clusterDir);
  return isOurs && isAlive(pid) ? { pid } : undefined;
}

/**
 * Takes the cluster for this process. The operating system drops the lock when its holder dies in
 * any way, so a postmaster that runs without it was left behind by a killed run.
 */
export async function lockCluster(dataDir: string): Promise<Deno.FsFile> {
  await Deno.mkdir(dirname(dataDir), { recursive: true });
  const path = `${dataDir}.lock`;
  const lock = await openLock(path);
  if (await lock.tryLock(true)) {
    await lock.truncate();
    await lock.write(new TextEncoder().encode(String(Deno.pid)));
    return lock;
  }
  lock.close();
  const pid = await Deno.readTextFile(path).catch(() => "");
  throw new LocalStackError(
    `The database folder "${dataDir}" is in use by process ${
      pid || "unknown"
    }: stop that process first`,
  );
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { read: true, write: true, create: true });
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw notOurs(dirname(path));
    throw error;
  }
}

/** Ends a postmaster that a killed run left behind; the caller holds the cluster's lock. */
export async function endLeftPostmaster(
  clusterDir: string,
  log: (line: string) => void,
): Promise<void> {
  const left = await findPostmaster(clusterDir);
  if (!left) return;
  log(`An earlier run was killed and left PostgreSQL behind (process ${left.pid}): stopping it`);
  Deno.kill(left.pid, "SIGINT");
  if (await waitForExit(left.pid, 20_000)) return;
  throw new LocalStackError(
    `PostgreSQL of an earlier run (process ${left.pid}) does not stop: end it by hand and start again`,
  );
}

export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
