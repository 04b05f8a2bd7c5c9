import postgres from "postgres";
import { askForEncryption } from "../shared/database/ask-for-encryption.ts";
import { type CliContext, CliError, exitCodes } from "./context.ts";

const CONNECT_TIMEOUT_SECONDS = 5;

/** Opens the project's database for one command, and closes it whatever happens. */
export async function withDatabase<T>(
  context: CliContext,
  fn: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(databaseUrl(context), {
    max: 1,
    prepare: false,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    onnotice: () => {},
    connection: { application_name: "heimdex" },
  });
  try {
    return await fn(sql);
  } catch (error) {
    throw toCliError(error);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * The project's database. Over a network its address asks for encryption, unless it says otherwise.
 * Throws: CliError (usage) when no setting names one.
 */
export function databaseUrl({ env }: CliContext): string {
  const url = env.DATABASE_URL || env.SUPABASE_DB_URL;
  if (!url) {
    throw new CliError(exitCodes.usage, "Set DATABASE_URL to the PostgreSQL URL of the project");
  }
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CliError(exitCodes.usage, "DATABASE_URL is no PostgreSQL URL: it begins postgres://");
  }
  return askForEncryption(url);
}

/** SQLSTATEs of a schema, table, column or function that is not there. */
const NOT_MIGRATED = new Set(["3F000", "42P01", "42703", "42883"]);

/** The sentence for a database that lacks our schema; undefined for any other error. */
export function describeNotMigrated(error: unknown): CliError | undefined {
  if (!(error instanceof Error) || !NOT_MIGRATED.has(sqlState(error))) return undefined;
  return new CliError(
    exitCodes.outage,
    'The database lacks what this command reads: run "supabase db push" first',
    { cause: error },
  );
}

function toCliError(error: unknown): unknown {
  if (error instanceof CliError || !(error instanceof Error)) return error;
  return describeNotMigrated(error) ?? new CliError(
    exitCodes.outage,
    `The database does not answer (${sqlState(error) || error.message}): ` +
      "check DATABASE_URL and the server",
    { cause: error },
  );
}

function sqlState(error: Error): string {
  return "code" in error ? String(error.code) : "";
}
