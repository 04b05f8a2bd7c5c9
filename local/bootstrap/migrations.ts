import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { LocalStackError, messageOf } from "../errors.ts";
import { platformName } from "../postgres/binaries.ts";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface PushOptions {
  /** Folder for what the CLI keeps in its home; default: a temporary one. */
  home?: string;
}

/**
 * Applies the pending migrations as the role of the URL, through the real `supabase db push`.
 * The CLI is left out when the history already holds every migration: it takes a second to say so.
 */
export async function pushMigrations(databaseUrl: string, o: PushOptions = {}): Promise<void> {
  if (await isUpToDate(databaseUrl)) return;
  const home = o.home ?? await Deno.makeTempDir({ prefix: "heimdex-cli-" });
  await Deno.mkdir(home, { recursive: true });
  const url = new URL(databaseUrl);
  // Apart from the URL: everybody on the machine can read the arguments of a process.
  const password = decodeURIComponent(url.password);
  url.password = "";
  // Loopback PostgreSQL speaks no TLS; without this the CLI waits 10 s for it.
  url.searchParams.set("sslmode", "disable");
  try {
    await runCli([
      "db",
      "push",
      "--include-all",
      "--yes",
      "--db-url",
      url.href,
      "--workdir",
      PROJECT,
    ], { HOME: home, PGPASSWORD: password });
  } finally {
    if (!o.home) await Deno.remove(home, { recursive: true });
  }
}

async function isUpToDate(databaseUrl: string): Promise<boolean> {
  const local = await listLocalVersions();
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const rows = await sql<{ version: string }[]>`
      select version from supabase_migrations.schema_migrations`;
    const applied = new Set(rows.map((row) => row.version));
    return applied.size === local.length && local.every((version) => applied.has(version));
  } catch {
    // No history yet, or not readable: the CLI makes it or says why not.
    return false;
  } finally {
    await sql.end();
  }
}

async function listLocalVersions(): Promise<string[]> {
  const folder = join(PROJECT, "supabase/migrations");
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  return entries.flatMap(({ name }) => /^(\d+)_.*\.sql$/.exec(name)?.[1] ?? []);
}

async function runCli(args: string[], own: Record<string, string>): Promise<void> {
  const output = await new Deno.Command(locateCli(), {
    args,
    cwd: PROJECT,
    stdin: "null",
    clearEnv: true,
    env: {
      ...own,
      PATH: Deno.env.get("PATH") ?? "",
      SUPABASE_TELEMETRY_DISABLED: "1",
      DO_NOT_TRACK: "1",
    },
  }).output();
  if (output.success) return;
  const text = new TextDecoder().decode(output.stderr) + new TextDecoder().decode(output.stdout);
  throw new LocalStackError(`Migrations were not applied: ${summarize(text)}`);
}

function locateCli(): string {
  const name = `@supabase/cli-${platformName()}`;
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve(`${name}/package.json`)), "bin/supabase");
  } catch (error) {
    throw new LocalStackError(
      `The Supabase CLI for ${platformName()} is not installed: run "npm ci" in the project folder`,
      { cause: messageOf(error) },
    );
  }
}

/** The migration at fault and the CLI's own words from its error on, without progress and prompts. */
function summarize(text: string): string {
  const file = [...text.matchAll(/Applying migration (\S+?)\.\.\./g)].at(-1)?.[1];
  const start = text.search(/\bERROR\b|failed to|\bError\b/);
  const words = text.slice(Math.max(start, 0)).split(/\s+/).join(" ").trim().slice(0, 2_000);
  return file ? `${file}: ${words}` : words;
}
