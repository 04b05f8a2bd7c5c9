/** What PostgREST answers for a class of SQLSTATE, where it is not 400. Longest prefix counts. */
const statusOfSqlState: [prefix: string, status: number][] = [
  ["23503", 409],
  ["23505", 409],
  ["25006", 405],
  ["42883", 404],
  ["42P01", 404],
  ["42P17", 500],
  ["53400", 500],
  ["54001", 500],
  ["P0001", 400],
  ["57014", 500],
  ["08", 503],
  ["09", 500],
  ["0L", 403],
  ["0P", 403],
  ["25", 500],
  ["28", 403],
  ["2D", 500],
  ["38", 500],
  ["39", 500],
  ["3B", 500],
  ["40", 500],
  ["53", 503],
  ["54", 413],
  ["55", 500],
  ["57", 500],
  ["58", 500],
  ["F0", 500],
  ["HV", 500],
  ["P0", 500],
  ["XX", 500],
];

interface SqlError extends Error {
  code: string;
  detail?: string;
  hint?: string;
}

/**
 * lite answers 500 for every SQLSTATE it does not list, check violations and errors raised by
 * functions among them, and drops their text. The error it saw is told as PostgREST tells it.
 */
export function toDatabaseAnswer(response: Response, error: Error | undefined): Response {
  if (response.status !== 500 || error === undefined) return response;
  if (isConnectionError(error)) {
    return Response.json({
      code: "PGRST001",
      message: "Database client error. Retrying the connection.",
      details: null,
      hint: null,
    }, { status: 503, headers: { "retry-after": "2" } });
  }
  if (!isSqlError(error)) return response;
  const { code, message, detail, hint } = error;
  const status = statusOfSqlState.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 400;
  return Response.json({ code, message, details: detail ?? null, hint: hint ?? null }, {
    status,
    ...(status === 503 ? { headers: { "retry-after": "2" } } : {}),
  });
}

function isSqlError(error: Error): error is SqlError {
  return "code" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code);
}

/** No connection, a lost one, a server that starts or stops, or too many of them. */
export function isConnectionError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(CONNECT|ECONN|ENOTFOUND|EPIPE|57P0|53300|08)/.test(code);
}
