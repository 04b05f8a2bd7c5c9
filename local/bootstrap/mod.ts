import postgres from "postgres";
import { LocalStackError, messageOf } from "../errors.ts";
import { ensureSystemSchema } from "../gateway/lite.ts";

export { pushMigrations } from "./migrations.ts";

/** Passwords of the roles that log in, by role name. */
export interface RolePasswords {
  postgres: string;
  authenticator: string;
  supabase_auth_admin: string;
  supabase_storage_admin: string;
}

export interface BootstrapOptions {
  /** A superuser's URL of the database to prepare. */
  adminUrl: string;
  passwords: RolePasswords;
}

/** Two stacks on one server must not create the same role at the same moment. */
const LOCK = 7_430_211;

/**
 * Makes a plain database look like a hosted project's: roles, schemas auth and storage, helper
 * functions, owners and grants. Safe to repeat; runs at every start.
 */
export async function bootstrapDatabase(o: BootstrapOptions): Promise<void> {
  const sql = postgres(o.adminUrl, { max: 1, onnotice: () => {} });
  try {
    await assertUsable(sql);
    await sql`select pg_advisory_lock(${LOCK})`;
    await runFile(sql, "roles.sql");
    await setPasswords(sql, o.passwords);
    await runFile(sql, "schemas.sql");
    await ensureSystemSchema(o.adminUrl);
    await sql.begin(async (transaction) => {
      await runFile(transaction, "auth-tables.sql");
      await runFile(transaction, "auth-functions.sql");
      await runFile(transaction, "owners.sql");
    });
  } catch (error) {
    throw explain(error, addressOf(o.adminUrl));
  } finally {
    await sql.end();
  }
}

async function assertUsable(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ name: string; superuser: boolean; version: number }[]>`
    select rolname as name, rolsuper as superuser,
      current_setting('server_version_num')::int / 10000 as version
    from pg_roles where rolname = current_user`;
  const advice = "or unset DATABASE_URL to use the embedded PostgreSQL";
  if (!row?.superuser) {
    throw new LocalStackError(
      `The role "${row?.name}" of DATABASE_URL is no superuser and cannot prepare the database: ` +
        `give the URL of a superuser, ${advice}`,
    );
  }
  if (row.version < 15) {
    throw new LocalStackError(
      `DATABASE_URL is a PostgreSQL ${row.version}, too old for the migrations: ` +
        `give one of version 15 to 17, ${advice}`,
    );
  }
}

async function runFile(sql: postgres.Sql | postgres.TransactionSql, name: string): Promise<void> {
  await sql.unsafe(await Deno.readTextFile(new URL(name, import.meta.url))).simple();
}

async function setPasswords(sql: postgres.Sql, passwords: RolePasswords): Promise<void> {
  for (const [role, password] of Object.entries(passwords)) {
    // A server of the user's own may have a superuser of that name: its password is not ours to change.
    const [statement] = await sql<{ text: string }[]>`
      select format('alter role %I password %L', ${role}::text, ${password}::text) as text
      from pg_roles where rolname = ${role} and not rolsuper`;
    if (statement) await sql.unsafe(statement.text);
  }
}

function explain(error: unknown, address: string): unknown {
  if (error instanceof LocalStackError) return error;
  const code = (error as { code?: unknown }).code;
  if (code === "28P01") {
    return new LocalStackError(
      `PostgreSQL at ${address} refuses the password: if keys.json was replaced, ` +
        `run "npm start -- --reset" to begin anew, else correct DATABASE_URL`,
    );
  }
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "CONNECT_TIMEOUT") {
    return new LocalStackError(
      `Cannot reach PostgreSQL at ${address}: start it, or unset DATABASE_URL to use the embedded one`,
    );
  }
  return new LocalStackError(
    `Preparing the database failed (${messageOf(error)}): if it holds data of another project, ` +
      `run "npm start -- --reset" to begin anew`,
    { cause: error },
  );
}

function addressOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
