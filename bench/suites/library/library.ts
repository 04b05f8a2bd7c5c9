import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { bootstrapDatabase, pushMigrations } from "../../../local/bootstrap/mod.ts";
import { type PostgresServer, removeCluster, startPostgres } from "../../../local/postgres/mod.ts";
import { seedLibraries, type SeedPlan } from "./seed.ts";

/** The suites' own tests ask for a size whose figures say nothing. */
export const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";

const plans: Readonly<Record<"whole" | "tenth", SeedPlan>> = isSmall
  ? {
    whole: { scenes: 10_000, users: 20, heavyScenes: 4000 },
    tenth: { scenes: 4000, users: 20, heavyScenes: 1600 },
  }
  : {
    whole: { scenes: 1_000_000, users: 200, heavyScenes: 100_000 },
    tenth: { scenes: 100_000, users: 200, heavyScenes: 10_000 },
  };

/** Two databases of one server, the second with a tenth of the scenes. */
export interface Library {
  /** URLs of role postgres, as the functions connect. */
  readonly whole: string;
  readonly tenth: string;
  close(): Promise<void>;
}

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const kept = join(root, ".heimdex/bench");
const databases = { whole: "postgres", tenth: "heimdex_tenth" } as const;
const seeded = "seeded.json";

/**
 * Opens the libraries. Seeding takes minutes, so they are kept in `.heimdex/bench` until a
 * migration or the seed changes; the small ones go when they are closed.
 */
export async function openLibrary(): Promise<Library> {
  const folder = await openFolder();
  const passwords = await readPasswords(folder);
  const server = await startPostgres({
    dataDir: join(folder, "postgres"),
    port: 0,
    durable: false,
    superuserPassword: passwords.supabase_admin,
  });
  const close = async () => {
    await server.stop();
    if (isSmall) await removeFolder(folder);
  };
  try {
    if (!await isSeeded(folder)) await fill(server, passwords, folder);
  } catch (error) {
    await close();
    throw error;
  }
  const url = (database: string) => server.url(database, "postgres", passwords.postgres);
  return { whole: url(databases.whole), tenth: url(databases.tenth), close };
}

async function openFolder(): Promise<string> {
  if (isSmall) {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
    // As root the database runs as an OS user of its own, who has to pass through this folder.
    await chmod(folder, 0o711);
    return folder;
  }
  const folder = join(kept, await readFingerprint());
  for (const name of await readdir(kept).catch(() => [])) {
    const other = join(kept, name);
    if (other !== folder || !await isSeeded(folder)) await removeFolder(other);
  }
  await mkdir(folder, { recursive: true });
  return folder;
}

async function removeFolder(folder: string): Promise<void> {
  await removeCluster(join(folder, "postgres"));
  await rm(folder, { recursive: true, force: true });
}

/** Of everything that decides what the databases hold. */
async function readFingerprint(): Promise<string> {
  const migrations = join(root, "supabase/migrations");
  const files = (await readdir(migrations)).toSorted().map((name) => join(migrations, name));
  const hash = createHash("sha256");
  for (const file of [...files, join(root, "bench/suites/library/seed.ts")]) {
    hash.update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 16);
}

const roles = [
  "supabase_admin",
  "postgres",
  "authenticator",
  "supabase_auth_admin",
  "supabase_storage_admin",
] as const;

type Passwords = Record<typeof roles[number], string>;

async function readPasswords(folder: string): Promise<Passwords> {
  const file = join(folder, "passwords.json");
  const known = await readFile(file, "utf8").catch(() => undefined);
  if (known !== undefined) return JSON.parse(known);
  const made = Object.fromEntries(roles.map((role) => [role, crypto.randomUUID()])) as Passwords;
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

async function isSeeded(folder: string): Promise<boolean> {
  return await readFile(join(folder, seeded), "utf8").then(() => true, () => false);
}

async function fill(server: PostgresServer, passwords: Passwords, folder: string): Promise<void> {
  const started = performance.now();
  process.stderr.write(isSmall ? "" : `Seeding ${plans.whole.scenes} scenes, minutes to go\n`);
  await bootstrapDatabase({ adminUrl: server.adminUrl, passwords });
  await pushMigrations(server.url(databases.whole, "postgres", passwords.postgres));
  const sql = postgres(server.url("template1"), { max: 1, onnotice: () => {} });
  await sql.unsafe(`create database ${databases.tenth} template ${databases.whole}`);
  await sql.end();
  for (const size of ["tenth", "whole"] as const) {
    const options = { max: 1, onnotice: () => {} };
    await seedLibraries(() => postgres(server.url(databases[size]), options), plans[size]);
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  await writeFile(join(folder, seeded), JSON.stringify({ plans, seconds }));
  process.stderr.write(isSmall ? "" : `Seeded in ${seconds} s\n`);
}
