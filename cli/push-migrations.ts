import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LegacyError } from "../shared/legacy/errors.ts";
import { CliError, exitCodes } from "./context.ts";

const project = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** What the last migration says when it refuses; the CLI also prints its source, with all refusals. */
const refusal =
  /ERROR: (Cannot remove the users tables: .*?Nothing was changed) \(SQLSTATE HD000\)/;

/** Versions of this project's migrations, as the history of a push names them. */
export async function listMigrationVersions(): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(join(project, "supabase/migrations")));
  return entries.flatMap(({ name }) => /^(\d+)_.*\.sql$/.exec(name)?.[1] ?? []).sort();
}

/**
 * Applies the pending migrations through the project's own `supabase db push`, which finds neither
 * our settings nor those of the user in its environment.
 * Throws: LegacyError, refused with the words of the migration that did not go through.
 */
export async function pushMigrations(databaseUrl: string): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "heimdex-cli-" });
  const { url, password } = toPushTarget(databaseUrl);
  try {
    const { success, stdout, stderr } = await new Deno.Command(locateCli(), {
      args: [
        "db",
        "push",
        "--include-all",
        "--yes",
        "--db-url",
        url,
        "--workdir",
        project,
      ],
      cwd: project,
      stdin: "null",
      clearEnv: true,
      env: {
        HOME: home,
        SUPABASE_TELEMETRY_DISABLED: "1",
        DO_NOT_TRACK: "1",
        ...(password ? { PGPASSWORD: password } : {}),
      },
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw toRefusal(decoder.decode(stderr) + decoder.decode(stdout));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** The password apart from the URL: everybody on the machine can read the arguments of a process. */
function toPushTarget(databaseUrl: string): { url: string; password: string } {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = "";
  // A PostgreSQL on this machine speaks no TLS; without this the CLI waits 10 s for it.
  if (loopback.has(url.hostname) && !url.searchParams.has("sslmode")) {
    url.searchParams.set("sslmode", "disable");
  }
  return { url: url.href, password };
}

function locateCli(): string {
  const name = `@supabase/cli-${platform()}-${arch()}`;
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve(`${name}/package.json`)), "bin/supabase");
  } catch (cause) {
    throw new CliError(
      exitCodes.usage,
      `The Supabase CLI (${name}) is not installed: run "npm ci" in the project folder`,
      { cause },
    );
  }
}

/** The words of the migration, without progress and prompts around them. */
function toRefusal(output: string): LegacyError {
  const text = output.split(/\s+/).join(" ");
  const known = refusal.exec(text)?.[1];
  if (known) return new LegacyError("refused", known);
  const words = text.slice(Math.max(text.search(/\bERROR\b|failed to/), 0)).slice(0, 2_000).trim();
  return new LegacyError(
    "refused",
    `"supabase db push" did not go through (${words}): settle that and run this again`,
  );
}
