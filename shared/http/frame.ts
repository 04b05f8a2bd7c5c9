import { type Deps, describeError } from "./deps.ts";
import { createAnswerHeaders } from "./answer-headers.ts";
import { createClientIpReader } from "./client-ip.ts";

/** A request under way. */
export interface OpenRequest {
  /** The caller's, where it fits a log line and a header unchanged; else a new UUID. */
  requestId: string;
  /** The caller's address as the platform tells it; null where it does not. */
  clientIp: string | null;
  /** Milliseconds by name, answered as Server-Timing. */
  timings: Map<string, number>;
  /** `performance.now()` at its begin. */
  started: number;
}

/** What a log line says of an answer, besides what the request itself tells. */
export interface Outcome {
  /** Pattern of the route that the request met; null when it met none. */
  route: string | null;
  userId: string | null;
  /** Error code of a refusal. */
  code: string | null;
  /** What a 5xx is due to. */
  error?: unknown;
}

/** What surrounds every answer of a function, whoever makes it. */
export interface Frame {
  open(request: Request): OpenRequest;
  /** The answer to a preflight, still to be completed. */
  preflight(): Response;
  /** Sets the headers that no answer may lack, and writes the log line. Changes the answer. */
  close(request: Request, opened: OpenRequest, answer: Response, outcome: Outcome): Response;
}

/** An id a caller may choose: what fits a log line and a header unchanged. */
const usableRequestId = /^[\w=-]{1,64}$/;

/**
 * The frame of a function: request id, timings, CORS and security headers, one log line a request.
 *
 * Headers are set on the Response as it is: on Deno one that is built from other Headers, as
 * Hono's `c.header()` does after an answer, takes twenty times as long.
 * @param name of the function, in its log lines
 */
export function createFrame(name: string, deps: Deps): Frame {
  const common = createAnswerHeaders(deps.env);
  const readClientIp = createClientIpReader(deps.env);
  return {
    open({ headers }) {
      const started = performance.now();
      const given = headers.get("x-request-id");
      return {
        requestId: given && usableRequestId.test(given) ? given : crypto.randomUUID(),
        clientIp: readClientIp(headers),
        timings: new Map(),
        started,
      };
    },
    preflight: common.preflight,
    close(request, opened, answer, outcome) {
      const { requestId, timings, started } = opened;
      const { headers } = answer;
      common.complete(headers, request.headers);
      headers.set("x-request-id", requestId);
      const ms = performance.now() - started;
      timings.set("total", ms);
      headers.set("server-timing", serverTiming(timings));
      deps.log(createLine({ name, now: deps.now(), request, requestId, answer, ms, outcome }));
      return answer;
    },
  };
}

interface Answered {
  name: string;
  now: Date;
  request: Request;
  requestId: string;
  answer: Response;
  ms: number;
  outcome: Outcome;
}

function createLine(answered: Answered): Record<string, unknown> {
  const { status } = answered.answer;
  const { route, userId, code, error } = answered.outcome;
  const line = {
    level: status >= 500 ? "error" : "info",
    time: answered.now.toISOString(),
    function: answered.name,
    route,
    method: answered.request.method,
    status,
    ms: Math.round(answered.ms * 100) / 100,
    request_id: answered.requestId,
    user_id: userId,
    code,
  };
  return status >= 500 && error ? { ...line, ...describeError(error) } : line;
}

function serverTiming(timings: ReadonlyMap<string, number>): string {
  let text = "";
  for (const [name, ms] of timings) text += `${text && ", "}${name};dur=${ms.toFixed(2)}`;
  return text;
}
