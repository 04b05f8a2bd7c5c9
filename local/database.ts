import postgres from "postgres";
import { bootstrapDatabase, pushMigrations } from "./bootstrap/mod.ts";
import { LocalStackError, messageOf } from "./errors.ts";
import type { StackKeys } from "./keys.ts";
import { startPostgres } from "./postgres/mod.ts";
import type { DataFolder } from "./state.ts";

/** The stack's database: its addresses by role, and what ends it. */
export interface StackDatabase {
  /** Superuser. */
  adminUrl: string;
  /** Role postgres: owner of the database, no superuser, as on hosted projects. */
  url: string;
  /** Role supabase_auth_admin. */
  authUrl: string;
  /** Throws LocalStackError for a server that somebody else started. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  folder: DataFolder;
  keys: StackKeys;
  durable: boolean;
  /** Wanted port; 0 takes a free one. */
  port: number;
  /** A superuser's URL of a PostgreSQL that already runs; absent: the embedded one is started. */
  external?: string;
  log: (line: string) => void;
}

/** Starts or reaches PostgreSQL; nothing is prepared in it yet. */
export async function openDatabase(o: DatabaseOptions): Promise<StackDatabase> {
  if (o.external) return await useExternal(o.external, o.keys, o.log);
  const settings = {
    dataDir: o.folder.postgresDir,
    port: o.port,
    durable: o.durable,
    superuserPassword: o.keys.superuserPassword,
    log: o.log,
  };
  let server = await startPostgres(settings);
  const { passwords } = o.keys;
  return {
    adminUrl: server.adminUrl,
    url: server.url("postgres", "postgres", passwords.postgres),
    authUrl: server.url("postgres", "supabase_auth_admin", passwords.supabase_auth_admin),
    restart: async () => {
      await server.stop();
      server = await startPostgres({ ...settings, port: server.port });
    },
    stop: () => server.stop(),
  };
}

/** What the last migration says while users of the former system are not moved over. */
const removalRefused =
  /ERROR: (Cannot remove the users tables: .*?Nothing was changed) \(SQLSTATE HD000\)/;

/**
 * Roles, schemas and migrations; fast when nothing is new. A project with users of the former
 * system starts before their cutover as well: the one migration that waits for it is a line of log.
 */
export async function prepareDatabase(o: {
  database: StackDatabase;
  keys: StackKeys;
  cliHome: string;
  log: (line: string) => void;
}): Promise<void> {
  await bootstrapDatabase({ adminUrl: o.database.adminUrl, passwords: o.keys.passwords });
  try {
    await pushMigrations(o.database.url, { home: o.cliHome });
  } catch (error) {
    const refusal = removalRefused.exec(messageOf(error))?.[1];
    if (!refusal) throw error;
    o.log(refusal);
  }
}

async function useExternal(
  adminUrl: string,
  keys: StackKeys,
  log: (line: string) => void,
): Promise<StackDatabase> {
  const given = parseUrl(adminUrl);
  const isSuperuser = await hasSuperuserPostgres(adminUrl);
  if (isSuperuser && decodeURIComponent(given.username) !== "postgres") {
    throw new LocalStackError(
      `The server of DATABASE_URL has a superuser named "postgres" whose password is unknown here: ` +
        `give that role's URL, or unset DATABASE_URL to use the embedded PostgreSQL`,
    );
  }
  if (isSuperuser) {
    log(`The role "postgres" of DATABASE_URL is a superuser, which it is not on hosted projects`);
  }
  const as = (role: keyof StackKeys["passwords"]) => withLogin(given, role, keys.passwords[role]);
  return {
    adminUrl,
    url: isSuperuser ? adminUrl : as("postgres"),
    authUrl: as("supabase_auth_admin"),
    restart: () => {
      throw new LocalStackError("The PostgreSQL of DATABASE_URL is not ours to restart");
    },
    stop: async () => {},
  };
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed && /^postgres(ql)?:$/.test(parsed.protocol)) return parsed;
  throw new LocalStackError(
    `DATABASE_URL is no PostgreSQL URL: write it as postgresql://user:password@host:5432/database, ` +
      `or unset it to use the embedded PostgreSQL`,
  );
}

async function hasSuperuserPostgres(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} });
  try {
    const rows = await sql`select from pg_roles where rolname = 'postgres' and rolsuper`;
    return rows.length > 0;
  } catch (error) {
    const { host } = new URL(url);
    throw new LocalStackError(
      `Cannot use PostgreSQL at ${host} of DATABASE_URL (${
        (error as Error).message || "refused"
      }): ` +
        `correct the URL, or unset DATABASE_URL to use the embedded PostgreSQL`,
      { cause: error },
    );
  } finally {
    await sql.end();
  }
}

function withLogin(url: URL, role: string, password: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = encodeURIComponent(password);
  return changed.href;
}
