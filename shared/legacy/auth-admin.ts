import { parseJson } from "../json.ts";
import type { Metadata } from "../auth/metadata.ts";
import { LegacyError } from "./errors.ts";

/** A user as `POST /admin/users` takes it. Keys that are absent are left to Supabase Auth. */
export interface NewAuthUser {
  id: string;
  email: string;
  email_confirm: boolean;
  password_hash?: string;
  user_metadata: Metadata;
  app_metadata: Metadata;
}

/** Changes as `PUT /admin/users/:id` takes them: metadata is merged key by key, null deletes. */
export interface AuthUserChanges {
  /** Applies at once; an address that somebody else has is answered by 500. */
  email?: string;
  email_confirm?: true;
  user_metadata?: Metadata;
  app_metadata?: Metadata;
}

/**
 * What came of one request. `refused`: Supabase Auth said no and will say no again. `away`: nobody
 * can say whether it was done: too many requests (then it was not), an error of the server, no
 * answer in time, or an answer cut short.
 */
export type AuthAnswer =
  | { kind: "done"; body: unknown }
  | { kind: "refused"; status: number; code: string; message: string }
  | {
    kind: "away";
    /** 0 when no answer came. */
    status: number;
    code: string;
    reason: string;
    /** Milliseconds the server asks to be left alone. */
    retryAfterMs?: number;
  };

/** The Admin API of Supabase Auth. No call throws for what the other side does. */
export interface AuthAdmin {
  createUser(user: NewAuthUser): Promise<AuthAnswer>;
  updateUser(id: string, changes: AuthUserChanges): Promise<AuthAnswer>;
  /** Ids of the newest users, at most `limit`. */
  listIds(limit: number): Promise<AuthAnswer & { ids?: string[] }>;
  /** Trades a password for a session, as a user would: with the publishable key. */
  signIn(email: string, password: string): Promise<AuthAnswer>;
  /** Ends the one session of this access token. */
  signOut(accessToken: string): Promise<AuthAnswer>;
  /**
   * Asks whether the secret key opens the Admin API; changes nothing.
   * @throws LegacyError usage when it does not, outage when Supabase Auth does not answer
   */
  checkKeys(): Promise<void>;
}

/** What the Admin API of a project is reached by. */
export interface AuthAdminOptions {
  /** Origin of the Supabase API, without a trailing slash. */
  supabaseUrl: string;
  secretKey: string;
  publishableKey: string;
  /** Milliseconds after which a request counts as unanswered; default 15,000. */
  timeoutMs?: number;
}

interface Call {
  method: "GET" | "POST" | "PUT";
  /** Below `/auth/v1`. */
  path: string;
  key: string;
  token?: string;
  body?: unknown;
}

/** The error format whose `code` is stable. */
const apiVersion = "2024-01-01";

/** GoTrue gives itself ten seconds; what takes longer is lost on the way. */
const requestTimeoutMs = 15_000;

/**
 * Opens the Admin API with plain requests: auth-js turns every 5xx into an error without a code, and
 * repeats for half a minute what a mover has to pace itself. Nothing connects before a call.
 */
export function createAuthAdmin(o: AuthAdminOptions): AuthAdmin {
  const send = createSender(o);
  const { secretKey, publishableKey } = o;
  const listIds: AuthAdmin["listIds"] = async (limit) => {
    const path = `/admin/users?page=1&per_page=${limit}`;
    const answer = await send({ method: "GET", path, key: secretKey });
    return answer.kind === "done" ? { ...answer, ids: readIds(answer.body) } : answer;
  };
  return {
    createUser: (body) => send({ method: "POST", path: "/admin/users", key: secretKey, body }),
    updateUser: (id, body) =>
      send({ method: "PUT", path: `/admin/users/${id}`, key: secretKey, body }),
    listIds,
    signIn: (email, password) =>
      send({
        method: "POST",
        path: "/token?grant_type=password",
        key: publishableKey,
        body: { email, password },
      }),
    signOut: (token) =>
      send({ method: "POST", path: "/logout?scope=local", key: publishableKey, token }),
    checkKeys: async () => {
      assertSecret(secretKey);
      assertAdmitted(await listIds(1), o.supabaseUrl);
    },
  };
}

function createSender(o: AuthAdminOptions): (call: Call) => Promise<AuthAnswer> {
  return async ({ method, path, key, token = key, body }) => {
    // A signal of AbortSignal.timeout would stay in memory until its time, long after the answer.
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), o.timeoutMs ?? requestTimeoutMs);
    try {
      const response = await fetch(`${o.supabaseUrl}/auth/v1${path}`, {
        method,
        headers: {
          apikey: key,
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          "x-supabase-api-version": apiVersion,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: controller.signal,
      });
      return toAnswer(response, await response.text());
    } catch {
      const reason = controller.signal.aborted
        ? "no answer in time"
        : "the connection failed or was cut";
      return { kind: "away", status: 0, code: "no_answer", reason };
    } finally {
      clearTimeout(timer);
    }
  };
}

function toAnswer(response: Response, text: string): AuthAnswer {
  const { status } = response;
  const body = text === "" ? {} : parseJson(text);
  // No JSON means that a proxy spoke, and what it says of the request is worth nothing.
  if (body === undefined) return away(response, "no_json", "an answer that is no JSON");
  if (response.ok) return { kind: "done", body };
  const code = readText(body, "code") ?? readText(body, "error_code") ?? `status_${status}`;
  const message = readText(body, "message") ?? readText(body, "msg") ?? "no message";
  if (status === 429 || status >= 500) return away(response, code, message);
  return { kind: "refused", status, code, message };
}

function away({ status, headers }: Response, code: string, message: string): AuthAnswer {
  const retryAfterMs = readRetryAfter(headers.get("retry-after"));
  return {
    kind: "away",
    status,
    code,
    reason: `${status} ${code}: ${message}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Seconds or an HTTP date; anything else counts as not said. */
function readRetryAfter(value: string | null): number | undefined {
  if (value === null || value.trim() === "") return undefined;
  const seconds = Number(value);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : undefined;
}

function readText(body: unknown, name: string): string | undefined {
  const value: unknown = typeof body === "object" && body !== null
    ? Reflect.get(body, name)
    : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readIds(body: unknown): string[] {
  const users: unknown = typeof body === "object" && body !== null
    ? Reflect.get(body, "users")
    : undefined;
  if (!Array.isArray(users)) return [];
  return users.map((user) => readText(user, "id")).filter((id) => id !== undefined);
}

/** A key of the wrong kind is told apart before it is sent anywhere. */
function assertSecret(key: string): void {
  const role = readText(readPayload(key), "role");
  if (!key.startsWith("sb_publishable_") && role !== "anon") return;
  throw new LegacyError(
    "usage",
    "SUPABASE_SECRET_KEYS holds a publishable key, which may not administer users: " +
      "take the secret key from the project's API settings. Nothing was changed",
  );
}

/** The claims of a key that is a JWT, unverified; undefined for any other key. */
function readPayload(key: string): unknown {
  const [, payload] = key.split(".");
  if (payload === undefined) return undefined;
  try {
    return parseJson(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}

function assertAdmitted(answer: AuthAnswer, supabaseUrl: string): void {
  if (answer.kind === "done") return;
  const origin = new URL(supabaseUrl).origin;
  if (answer.kind === "away") {
    throw new LegacyError(
      "outage",
      `Supabase Auth at ${origin} does not answer (${answer.reason}): ` +
        "check SUPABASE_URL and the project, and run the command again. Nothing was changed",
    );
  }
  throw new LegacyError(
    "usage",
    answer.status === 401 || answer.status === 403
      ? `Supabase Auth at ${origin} refuses the secret key (${answer.status} ${answer.code}): ` +
        "SUPABASE_SECRET_KEYS must hold the secret key of the project that SUPABASE_URL names. " +
        "Nothing was changed"
      : `${origin} is no Supabase Auth (${answer.status}): check SUPABASE_URL. Nothing was changed`,
  );
}
