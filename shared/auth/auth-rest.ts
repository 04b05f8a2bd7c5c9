import type { Session, User } from "@supabase/supabase-js";
import type { Env } from "../env.ts";
import { fetchWithin } from "../http/supabase-client.ts";
import { parseJson } from "../json.ts";
import { type AuthFault, authUnavailable, toAuthFailure } from "./auth-failure.ts";

const fetchInTime = fetchWithin();

/** The error format whose `code` is stable. */
const apiVersion = "2024-01-01";

interface AuthCall {
  method: "GET" | "POST" | "PUT";
  /** Below `/auth/v1`, with the query. */
  path: string;
  /** The caller's access token; without it the publishable key speaks. */
  token?: string;
  /** Whose request this is: told to Supabase Auth, which takes it only with the secret key. */
  clientIp?: string | undefined;
  body?: unknown;
}

/**
 * One request to Supabase Auth, for what auth-js only does through a stored session, or repeats for
 * half a minute when the service is down. Answers the JSON body, null for an empty one.
 * @throws AppError as {@link toAuthFailure} maps it; auth_unavailable when nobody answers
 */
export async function requestAuth(env: Env, call: AuthCall): Promise<unknown> {
  const apikey = call.clientIp === undefined ? env.publishableKey : env.secretKey;
  let response: Response;
  let text: string;
  try {
    response = await fetchInTime(`${env.supabaseUrl}/auth/v1${call.path}`, {
      method: call.method,
      headers: {
        apikey,
        authorization: `Bearer ${call.token ?? apikey}`,
        ...forwardedFor(call.clientIp),
        "content-type": "application/json",
        "x-supabase-api-version": apiVersion,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    text = await response.text();
  } catch (error) {
    throw authUnavailable(error);
  }
  const body = parseBody(text);
  if (!response.ok || body === undefined) throw toAuthFailure(toFault(response.status, body));
  return body;
}

/** The header in which Supabase Auth takes the address of a caller from a trusted server. */
export function forwardedFor(clientIp: string | undefined): Record<string, string> {
  return clientIp === undefined ? {} : { "sb-forwarded-for": clientIp };
}

/** Whether a body is a user record of Supabase Auth. */
export function isUser(body: unknown): body is User {
  return hasText(body, "id");
}

/** Whether a body is a session of Supabase Auth with its user. */
export function isSession(body: unknown): body is Session {
  return hasText(body, "access_token") && hasText(body, "refresh_token") &&
    isUser(Reflect.get(body, "user"));
}

function hasText(body: unknown, name: string): body is object {
  return typeof body === "object" && body !== null && typeof Reflect.get(body, name) === "string";
}

/** Undefined when the answer is no JSON: then a proxy spoke, not Supabase Auth. */
function parseBody(text: string): unknown {
  return text === "" ? null : parseJson(text);
}

function toFault(status: number, body: unknown): AuthFault {
  const read = (name: string): unknown =>
    typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
  const fault: AuthFault = new Error(`Supabase Auth answered ${status}`);
  fault.status = body === undefined ? 502 : status;
  fault.code = [read("code"), read("error_code")].find((one) => typeof one === "string");
  const weakness = read("weak_password");
  if (typeof weakness === "object" && weakness !== null) {
    fault.reasons = Reflect.get(weakness, "reasons");
  }
  return fault;
}
