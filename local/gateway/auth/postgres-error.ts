/** RAISE EXCEPTION, and the violations of constraints a project may have added. */
const PUBLIC_CODES = new Set([
  "P0001",
  "23000",
  "23001",
  "23502",
  "23503",
  "23505",
  "23514",
  "23P01",
]);

/** What old clients are told of a database error: its own words, and the status it asks for. */
export interface PublicError {
  status: number;
  body: { code: string; message: string; hint?: string; detail?: string };
}

/**
 * The database error behind a refusal, when Supabase Auth shows it: raised exceptions, constraint
 * violations, and `PTnnn`, which chooses the HTTP status. Null otherwise.
 */
export function readPublicError(error: unknown): PublicError | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") {
    return null;
  }
  const status = readStatus(error.code);
  if (status === null) return null;
  const body = {
    code: error.code,
    message: error.message,
    ...textOf(error, "hint"),
    ...textOf(error, "detail"),
  };
  return { status, body };
}

function readStatus(code: string): number | null {
  if (PUBLIC_CODES.has(code)) return 500;
  const asked = /^PT([2-5]\d\d)$/.exec(code)?.[1];
  return asked === undefined ? null : Number(asked);
}

function textOf(error: object, name: "hint" | "detail"): Record<string, string> {
  const value: unknown = Object.entries(error).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? { [name]: value } : {};
}
