import { isConnectionLoss } from "../../database/transact.ts";
import { LegacyError } from "../errors.ts";
import { SourceReadError } from "./in-transaction.ts";
import { codeOf } from "./s3.ts";

/** The disk of the project's database has no room; PostgreSQL says so when a file cannot grow. */
export const diskFull = "53100";

/** A value or row that the project's tables do not take. */
const badRow = /^(22|23)/;

/**
 * What a database said while rows were loaded, as a sentence with the side it came from. An error
 * that needs none passes unchanged.
 */
export function explainLoadFailure(error: unknown): unknown {
  if (error instanceof LegacyError || !(error instanceof Error)) return error;
  if (error instanceof SourceReadError) return explainSource(error);
  const code = codeOf(error);
  if (code === diskFull) {
    return new LegacyError(
      "outage",
      `The disk of the project's database is full (${error.message}): make room or take a larger ` +
        "disk, and run the same command again. No table was changed",
      { cause: error },
    );
  }
  if (badRow.test(code)) {
    return new LegacyError(
      "refused",
      `The project's database does not take a row of the legacy database (${code}` +
        `${describePlace(error)}): repair that row there and run this again. No table was changed`,
      { cause: error },
    );
  }
  if (code.startsWith("08") || code.startsWith("57P") || isConnectionLoss(error)) {
    return new LegacyError(
      "outage",
      `A database went away while rows were loaded (${
        code || error.message
      }): check DATABASE_URL, ` +
        "LEGACY_DATABASE_URL and the servers, and run the same command again, it goes on where it " +
        "stopped. No table was changed",
      { cause: error },
    );
  }
  return error;
}

function explainSource(error: SourceReadError): LegacyError {
  const code = codeOf(error.cause);
  if (code === "42501") {
    return new LegacyError(
      "usage",
      `The role of LEGACY_DATABASE_URL may not read the legacy tables (${error.message}): grant it ` +
        "select on all of them. No table was changed",
      { cause: error },
    );
  }
  return new LegacyError(
    "outage",
    `The legacy database went away while its rows were read (${code || error.message}): check ` +
      "LEGACY_DATABASE_URL and the server, and run the same command again, it goes on where it " +
      "stopped. No table was changed",
    { cause: error },
  );
}

// The message itself may quote the row.
function describePlace(error: Error): string {
  const names = ["table_name", "constraint_name", "column_name"].flatMap((name) => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === "string" && value !== "" ? [value] : [];
  });
  return names.length === 0 ? "" : `, ${names.join(", ")}`;
}
