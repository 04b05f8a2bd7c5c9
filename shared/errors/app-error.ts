import { type ErrorCode, errorStatus, errorTitle } from "./codes.ts";

/** One refused field: where it stands in the request (`tags.0`, empty for the whole) and why. */
export interface FieldError {
  path: string;
  message: string;
}

/** What an error may carry besides its code and detail. `cause` is logged and never answered. */
export interface AppErrorExtra {
  errors?: FieldError[];
  headers?: Record<string, string>;
  cause?: unknown;
}

/**
 * The one error that handlers and stores throw. `detail` goes to the caller: a sentence that says
 * what happened and what to do, without secrets and without internal text.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly status: (typeof errorStatus)[ErrorCode];
  readonly detail: string;
  readonly errors: FieldError[] | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, detail?: string, extra: AppErrorExtra = {}) {
    super(detail ?? errorTitle[code], extra.cause === undefined ? {} : { cause: extra.cause });
    this.code = code;
    this.status = errorStatus[code];
    this.detail = detail ?? errorTitle[code];
    this.errors = extra.errors;
    this.headers = extra.headers ?? {};
  }
}
