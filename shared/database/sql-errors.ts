import { AppError } from "../errors/app-error.ts";
import { isErrorCode } from "../errors/codes.ts";
import { isConnectionLoss } from "./transact.ts";

/** SQLSTATE with which our database functions refuse: the message is an ErrorCode. */
const refusalState = "HD000";

/** The database is away, ending, full or too slow: a later try may succeed. */
const outage = /^(08...|57P..|53...|57014|55P03|25P0[34]|40001|40P01)$/;
/**
 * Turns what postgres.js throws into an AppError, by SQLSTATE and never by text: refusals of our
 * functions keep code and detail, outages become `database_unavailable`, the rest `internal_error`.
 * An AppError passes unchanged, and so does an error that does not come from the database.
 */
export function toDatabaseError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code !== "string") return error;
  if (code === refusalState && isErrorCode(error.message)) {
    const detail: unknown = Reflect.get(error, "detail");
    return new AppError(error.message, typeof detail === "string" ? detail : undefined, {
      cause: error,
    });
  }
  if (outage.test(code) || isConnectionLoss(error)) {
    return new AppError(
      "database_unavailable",
      "The database cannot be reached, try again shortly",
      { cause: error },
    );
  }
  return error;
}
