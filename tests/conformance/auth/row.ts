import { canMintTokens, canReadMail, useStack } from "../../support/stack.ts";
import { hasAdminSql } from "../../support/sql.ts";

/** What a row needs beyond URL and keys; without it the row is skipped by name. */
export type Need = "sql" | "mail" | "signing key" | "embedded";

/** One fact of supabase-auth-facts.md as a request and what it must answer. */
export interface Row {
  name: string;
  /** Section of supabase-auth-facts.md. */
  facts: string;
  needs?: readonly Need[];
  run(): Promise<Answer>;
  expected: Expected;
}

export interface Expected {
  status: number;
  /** Supabase Auth's error code; absent for a success. */
  code?: string;
  /** Part of the body that must be there. */
  body?: object;
  headers?: Record<string, string | RegExp>;
  /** Top-level keys that must not be there. */
  without?: readonly string[];
}

/** The fields rows read of a body; which of them are there depends on the answer. */
export interface Body {
  id: string;
  email: string;
  access_token: string;
  refresh_token: string;
  user: Body;
  users: Body[];
  identities: Record<string, unknown>[];
  user_metadata: Record<string, unknown>;
  app_metadata: Record<string, unknown>;
  hashed_token: string;
  email_otp: string;
  action_link: string;
  [name: string]: unknown;
}

export interface Answer {
  status: number;
  code: string | undefined;
  body: Body;
  headers: Headers;
}

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Default is the publishable key; null sends none. */
  key?: "publishable" | "secret" | null;
  /** Bearer token; default none. */
  token?: string;
  json?: unknown;
  /** Raw body instead of JSON. */
  text?: string;
  headers?: Record<string, string>;
  /** Sends no API version, as clients from before 2024 do. */
  isOld?: boolean;
}

/** The API version supabase-js sends, and with it the newer error format. */
export const apiVersion = { "x-supabase-api-version": "2024-01-01" };

const REASONS: Record<Need, { met(): boolean; reason: string }> = {
  sql: { met: hasAdminSql, reason: "needs SQL as an administrator" },
  mail: { met: canReadMail, reason: "needs the mail catcher" },
  "signing key": { met: canMintTokens, reason: "needs the private signing key" },
  embedded: { met: () => !useStack().external, reason: "needs settings of the embedded stack" },
};

/** Why this row cannot run here; undefined when it can. */
export function reasonToSkip(row: Row): string | undefined {
  const missing = (row.needs ?? []).filter((need) => !REASONS[need].met());
  return missing.length === 0 ? undefined : missing.map((need) => REASONS[need].reason).join(", ");
}

/** One request to /auth/v1. */
export async function send(path: string, call: Call = {}): Promise<Answer> {
  const { url, publishableKey, secretKey } = useStack();
  const headers = new Headers({ "content-type": "application/json" });
  if (call.key !== null) {
    headers.set("apikey", call.key === "secret" ? secretKey : publishableKey);
  }
  if (call.token !== undefined) headers.set("authorization", `Bearer ${call.token}`);
  const more = { ...(call.isOld ? {} : apiVersion), ...call.headers };
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  const body = call.text ?? (call.json === undefined ? undefined : JSON.stringify(call.json));
  const response = await fetch(`${url}/auth/v1${path}`, {
    method: call.method ?? (body === undefined ? "GET" : "POST"),
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body }),
  });
  return await readAnswer(response);
}

/** Reads status, body and error code of a response. */
export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const body: Body = isJson && text !== "" ? JSON.parse(text) : { text };
  const code = response.ok ? undefined : readCode(body);
  return { status: response.status, code, body, headers: response.headers };
}

/** The code of either error format, or of OAuth's. */
function readCode(body: Body): string | undefined {
  const named = typeof body.code === "string" ? body.code : undefined;
  const code = body.error_code ?? named ?? body.error;
  return typeof code === "string" ? code : undefined;
}

/** What a supabase-js call answered, in the same shape. */
export function fromClient(result: {
  data: unknown;
  error: { status?: number | undefined; code?: string | undefined } | null;
}): Answer {
  const { data, error } = result;
  if (error === null) return observed(data);
  return { ...observed({}), status: error.status ?? 0, code: error.code };
}

/** What a row worked out by itself, as an answer with status 200. */
export function observed(body: unknown): Answer {
  return { status: 200, code: undefined, body: body as Body, headers: new Headers() };
}
