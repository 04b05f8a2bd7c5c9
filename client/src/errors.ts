import type { ErrorCode, Problem } from "./types.ts";

/** Anything that this package throws; `operation` names the call. */
export class HeimdexError extends Error {
  override name = "HeimdexError";

  constructor(readonly operation: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}

/** A field of the request that was refused; `path` has dots between its parts. */
export interface FieldError {
  path: string;
  message: string;
}

/** The function refused the request and said why. */
export class ProblemError extends HeimdexError {
  override name = "ProblemError";
  /** Stable: what a program decides by. */
  readonly code: ErrorCode;
  /** HTTP status. */
  readonly status: number;
  /** The same for every failure of this code. */
  readonly title: string;
  /** What happened this time and what to do. */
  readonly detail: string;
  /** For support: the log line of the request carries it. */
  readonly requestId: string;
  /** Refused fields, with validation_failed and weak_password. */
  readonly fields: readonly FieldError[];
  /** Seconds to wait before it is worth another try, where the server says so. */
  readonly retryAfter: number | undefined;

  constructor(operation: string, problem: Problem, retryAfter?: number) {
    super(operation, `${problem.code}: ${problem.detail}`);
    this.code = problem.code;
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.requestId = problem.request_id;
    this.fields = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/** No answer came: the network, a blocked origin, or a server that is gone. */
export class ConnectionError extends HeimdexError {
  override name = "ConnectionError";
}

/** Something between here and the function answered, such as a proxy. */
export class UnexpectedAnswerError extends HeimdexError {
  override name = "UnexpectedAnswerError";

  constructor(operation: string, readonly status: number, readonly requestId: string | undefined) {
    super(operation, `The answer is no problem document, its status is ${status}`);
  }
}

/** Storage did not take the file; `status` is missing when no answer came. */
export class UploadError extends HeimdexError {
  override name = "UploadError";

  constructor(
    operation: string,
    message: string,
    readonly status: number | undefined,
    options?: { cause?: unknown },
  ) {
    super(operation, message, options);
  }
}

/** Whether a call was refused, with one of these codes if any are given. */
export function isProblem(error: unknown, ...codes: ErrorCode[]): error is ProblemError {
  return error instanceof ProblemError &&
    (codes.length === 0 || codes.includes(error.code));
}

/** The exception for an answer that is no success. */
export async function toAnswerError(operation: string, response: Response): Promise<HeimdexError> {
  let text: string;
  try {
    text = await response.text();
  } catch (cause) {
    return new ConnectionError(operation, "The answer broke off", { cause });
  }
  const body = readJson(text);
  if (isProblemBody(body)) {
    return new ProblemError(operation, body, readRetryAfter(response));
  }
  const requestId = response.headers.get("x-request-id") ?? undefined;
  return new UnexpectedAnswerError(operation, response.status, requestId);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblemBody(body: unknown): body is Problem {
  if (typeof body !== "object" || body === null) return false;
  const { code, status, request_id } = body as Record<string, unknown>;
  return typeof code === "string" && typeof status === "number" &&
    typeof request_id === "string";
}

function readRetryAfter(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}
