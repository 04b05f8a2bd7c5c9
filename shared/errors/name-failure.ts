import { AppError } from "./app-error.ts";

/**
 * What a log line or a job's record may say of a failure: the code of an AppError, else the name of
 * the error's class, `unknown` for anything that is no Error. Never the message: those of the
 * database and of Storage quote keys, ids and addresses.
 */
export function nameFailure(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? error.name : "unknown";
}
