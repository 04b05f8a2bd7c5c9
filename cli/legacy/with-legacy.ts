import postgres from "postgres";
import { askForEncryption } from "../../shared/database/ask-for-encryption.ts";
import { isPooler } from "../../shared/database/connection.ts";
import { toDatabaseError } from "../../shared/database/sql-errors.ts";
import { EnvError, readEnv } from "../../shared/env.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import { createDeps, type Deps } from "../../shared/http/deps.ts";
import type { LegacyContext, LegacyDatabases } from "../../shared/legacy/context.ts";
import { LegacyError, type LegacyErrorKind } from "../../shared/legacy/errors.ts";
import { checkLegacySource, openLegacySource, patience } from "../../shared/legacy/source.ts";
import { type CliContext, CliError, type ExitCode, exitCodes } from "../context.ts";
import { databaseUrl, describeNotMigrated } from "../database.ts";

export interface LegacyOptions {
  /**
   * False for steps that also run when the legacy tables are gone from the project's database;
   * else `checkLegacySource` goes first.
   */
  check?: boolean;
}

const connections = 4;

/** Opens both databases for one command, with no other setting, and closes them whatever happens. */
export async function withLegacyDatabases<T>(
  context: CliContext,
  fn: (databases: LegacyDatabases) => Promise<T>,
  { check = true }: LegacyOptions = {},
): Promise<T> {
  const projectUrl = databaseUrl(context);
  const legacyUrl = legacyDatabaseUrl(context);
  const sql = postgres(projectUrl, {
    max: connections,
    // A plan made while auth.users was empty would read the whole table again and again later.
    prepare: false,
    connect_timeout: 5,
    onnotice: () => {},
    connection: {
      application_name: "heimdex",
      ...(isPooler(projectUrl) ? {} : patience),
    },
  });
  const source = openLegacySource({
    projectUrl,
    projectSql: sql,
    ...(legacyUrl === undefined ? {} : { legacyUrl }),
  });
  try {
    if (check) await checkLegacySource(source);
    return await fn({ sql, source, now: () => context.now() });
  } catch (error) {
    throw toCliError(error);
  } finally {
    await source.close();
    await sql.end({ timeout: 1 });
  }
}

/**
 * Gives a step of the move both databases and the parts of the platform, from the settings of the
 * functions, and closes them whatever happens. Log lines go to standard error.
 * Throws: CliError, by what a LegacyError says of itself; usage for settings that are missing.
 */
export function withLegacy<T>(
  context: CliContext,
  fn: (legacy: LegacyContext) => Promise<T>,
  options: LegacyOptions = {},
): Promise<T> {
  return withLegacyDatabases(context, async (databases) => {
    const deps: Deps = {
      ...createDeps(readEnv(context.env)),
      now: databases.now,
      log: (line) => context.err(JSON.stringify(line)),
    };
    try {
      return await fn({ ...databases, deps });
    } finally {
      await deps.database.close();
    }
  }, options);
}

function legacyDatabaseUrl({ env }: CliContext): string | undefined {
  const url = env.LEGACY_DATABASE_URL?.trim();
  if (!url) return undefined;
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return askForEncryption(url);
  throw new CliError(
    exitCodes.usage,
    "LEGACY_DATABASE_URL is no PostgreSQL URL: it begins postgres://",
  );
}

const legacyExitCodes: Record<LegacyErrorKind, ExitCode> = {
  usage: exitCodes.usage,
  refused: exitCodes.refused,
  outage: exitCodes.outage,
};

function toCliError(error: unknown): unknown {
  if (error instanceof LegacyError) {
    return new CliError(legacyExitCodes[error.kind], error.message, { cause: error });
  }
  if (error instanceof EnvError) {
    return new CliError(exitCodes.usage, error.message, { cause: error });
  }
  if (error instanceof AppError && error.status === 503) {
    return new CliError(exitCodes.outage, error.detail, { cause: error });
  }
  return describeNotMigrated(error) ?? describeOutage(error) ?? error;
}

/** Two databases are open: the sentence cannot tell which of them is away. */
function describeOutage(error: unknown): CliError | undefined {
  const failure = toDatabaseError(error);
  if (!(failure instanceof AppError) || failure.status !== 503) return undefined;
  const reason = error instanceof Error ? error.message : "";
  return new CliError(
    exitCodes.outage,
    `A database does not answer (${reason}): check DATABASE_URL, LEGACY_DATABASE_URL and the servers`,
    { cause: error },
  );
}
