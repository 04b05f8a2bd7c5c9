import { expect } from "vitest";
import { useStack } from "./stack.ts";

export interface CallOptions {
  method?: string;
  /** Access token, sent as a bearer token. */
  token?: string;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is; excludes `json`. */
  body?: BodyInit;
  headers?: Record<string, string>;
}

/** Sends one request to a function: `call("/me", { token })` goes to `/functions/v1/me`. */
export function call(path: string, options: CallOptions = {}): Promise<Response> {
  return fetch(`${useStack().url}/functions/v1${path}`, toRequestInit(options));
}

/** The same request as `call` makes, for an app that runs in this process. */
export function toRequestInit({ method, token, json, body, headers }: CallOptions): RequestInit {
  const sent = new Headers(headers);
  if (token !== undefined) sent.set("authorization", `Bearer ${token}`);
  if (json !== undefined && !sent.has("content-type")) sent.set("content-type", "application/json");
  const content = json === undefined ? body : JSON.stringify(json);
  return {
    method: method ?? (content === undefined ? "GET" : "POST"),
    headers: sent,
    ...(content === undefined ? {} : { body: content }),
  };
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id: string;
  errors?: { path: string; message: string }[];
}

/** Expects a problem document with this code whose status agrees with the response, and returns it. */
export async function expectProblem(
  response: Response,
  code: string,
  status?: number,
): Promise<Problem> {
  const text = await response.text();
  expect(
    { status: response.status, type: response.headers.get("content-type") },
    `${response.status} ${text.slice(0, 500)}`,
  ).toEqual({
    status: status ?? response.status,
    type: expect.stringMatching(/^application\/problem\+json/),
  });
  const problem: Problem = JSON.parse(text);
  expect(problem).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status: response.status,
    code,
    request_id: expect.any(String),
  });
  expect(response.headers.get("x-request-id")).toBe(problem.request_id);
  if (response.status === 401) {
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
  }
  return problem;
}

/** Expects this status and returns the JSON body; a mismatch shows the body. */
export async function expectJson<T = Record<string, unknown>>(
  response: Response,
  status: number,
): Promise<T> {
  const text = await response.text();
  expect(response.status, text.slice(0, 500)).toBe(status);
  return JSON.parse(text) as T;
}
