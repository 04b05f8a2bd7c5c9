import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { AppError } from "../errors/app-error.ts";
import type { ErrorCode } from "../errors/codes.ts";
import type { AppEnv } from "./base-app.ts";

/** Refusals that were decided before anybody looked whether the address is known. */
const decidedBefore: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "invalid_json",
  "unsupported_media_type",
  "payload_too_large",
  "validation_failed",
  "rate_limited",
]);

/**
 * Holds an answer until a whole number of `HEIMDEX_ANSWER_MS` has passed since the request arrived,
 * so that its time does not tell whether an address is known: what is done for a known one (a hash,
 * a mail) takes longer. The interval must be longer than the slowest of it; an answer that took
 * longer waits for the next multiple and writes a log line, for then the interval is too short.
 * @param o.refusalsOnly a success tells who it was anyway and is answered at once
 */
export function holdAnswer(o: { refusalsOnly?: boolean } = {}): MiddlewareHandler<AppEnv> {
  return async function holdAnswer(c, next) {
    const arrived = performance.now();
    await next();
    const { error } = c;
    if (error ? isDecidedBefore(error) : o.refusalsOnly) return;
    const { env, log } = c.get("deps");
    const taken = performance.now() - arrived;
    const intervals = Math.max(1, Math.ceil(taken / env.answerMs));
    if (intervals > 1) {
      log({ level: "warn", event: "answer_interval_too_short", ms: Math.round(taken) });
    }
    await waitUntilTime(arrived + intervals * env.answerMs);
    // Single times would tell again what the whole no longer does.
    c.get("timings").clear();
  };
}

function isDecidedBefore(error: Error): boolean {
  return error instanceof HTTPException ||
    (error instanceof AppError && decidedBefore.has(error.code));
}

/** Timers may fire a little early: what is left is waited for again. */
async function waitUntilTime(time: number): Promise<void> {
  for (let left = time - performance.now(); left > 0; left = time - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, Math.ceil(left)));
  }
}
