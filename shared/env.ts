import type { JSONWebKeySet, JWK } from "jose";
import { parseJson } from "./json.ts";

/** The settings of one deployment, read once at the start. No other module reads the environment. */
export interface Env {
  /** Origin of the Supabase API, without a trailing slash. */
  supabaseUrl: string;
  publishableKey: string;
  secretKey: string;
  /** Public signing keys to start with, from SUPABASE_JWKS; Supabase Auth is asked from then on. */
  jwks?: JSONWebKeySet;
  /** Direct or pooled PostgreSQL address (DATABASE_URL, else SUPABASE_DB_URL). */
  databaseUrl: string;
  /** The `iss` every access token must carry. */
  jwtIssuer: string;
  /** Origin under which clients reach the API, without a trailing slash. */
  publicUrl: string;
  /** CORS origins; `["*"]` lets every origin read answers (no credentials are ever allowed). */
  allowedOrigins: string[];
  faceEnrollment: boolean;
  /** Where links in mails lead back to. */
  siteUrl?: string;
  cursorKey?: string;
  /** Standard Webhooks secrets, each `v1,whsec_<base64>`; several during rotation. */
  webhookSecrets: string[];
  cronSecret?: string;
  pseudonymKey?: string;
  receiptKey?: string;
  workerKeys: string[];
  /** Header in which the platform's proxy hands on the caller's address. */
  clientIpHeader?: string;
  /** Whether the project takes that address from us (IP address forwarding of Supabase Auth). */
  forwardClientIp: boolean;
  /** HS256 secret of projects that have not moved to asymmetric signing keys. */
  legacyJwtSecret?: string;
  /** An embeddings endpoint, or `supabase-ai:<model>`; absent: searches are by text alone. */
  embedderUrl?: string;
  /** Bearer key of that endpoint. */
  embedderKey?: string;
  embedderModel?: string;
  legacyDatabaseUrl?: string;
  /** Seconds between an erasure and its second sweep: longer than an upload URL lives (7,200 s). */
  lateSweepSeconds: number;
  erasuresPerHour: number;
  /** Tries of an event of the outbox before it becomes a dead letter. */
  eventAttempts: number;
  /** Days for which analytics events stay beside their daily totals. */
  analyticsDays: number;
  /** Days after which audit events lose address and user agent; from 30, which the database asks. */
  auditAddressDays: number;
  /** Milliseconds at whose multiples routes answer that must not tell which addresses are known. */
  answerMs: number;
}

/** The environment is incomplete or malformed; `problems` holds one sentence for each variable. */
export class EnvError extends Error {
  override readonly name = "EnvError";
  readonly problems: string[];
  constructor(problems: string[]) {
    super(problems.join("; "));
    this.problems = problems;
  }
}

// Written out and not a schema: functions read their settings before anything else, and a library's
// first schema and first parse take longer than all of this.

/** Reads a value that is there; what is thrown is a `Malformed`. */
type Reader<T> = (value: string) => T;

/** Why a value cannot be read, as the end of a sentence that begins with the variable's name. */
class Malformed extends Error {}

function ensure(isSound: boolean, problem: string): asserts isSound {
  if (!isSound) throw new Malformed(problem);
}

const text: Reader<string> = (value) => value.trim();

const httpUrl: Reader<string> = (value) => {
  const url = value.trim();
  const isHttp = /^https?:\/\//i.test(url) && URL.canParse(url);
  ensure(isHttp, "must be an http or https address");
  // What the URL parser deletes from within, and what stands at the end.
  return url.replace(/[\t\n\r]/g, "").replace(/\/+$/, "");
};

function matching(pattern: RegExp, problem: string): Reader<string> {
  return (value) => {
    ensure(pattern.test(value), problem);
    return value;
  };
}

function address(pattern: RegExp, problem: string): Reader<string> {
  return (value) => {
    ensure(pattern.test(value) && URL.canParse(value), problem);
    return value;
  };
}

// An address that only fails where it is used would stand in that error, password included.
const postgresUrl = address(
  /^postgres(ql)?:\/\/\S+$/,
  "must be a PostgreSQL address such as postgresql://user:password@host:5432/postgres, " +
    "with special characters of the password percent-encoded",
);

const flag: Reader<boolean> = (value) => {
  ensure(value === "true" || value === "false", 'must be "true" or "false"');
  return value === "true";
};

const secret: Reader<string> = (value) => {
  ensure([...value].length >= 16, "must have at least 16 characters");
  return value;
};

function wholeNumber(least = 0, most = 999_999_999): Reader<number> {
  return (value) => {
    ensure(/^\d{1,9}$/.test(value), "must be a whole number");
    const number = Number(value);
    ensure(number >= least && number <= most, `must be from ${least} to ${most}`);
    return number;
  };
}

/** JSON objects such as `{"default":"sb_secret_..."}`; only the entry `default` is used. */
const namedKeys: Reader<string> = (value) => {
  const key = member(parseJson(value), "default");
  const isKey = typeof key === "string" && key.trim() !== "";
  ensure(isKey, 'must be a JSON object with an entry "default"');
  return key.trim();
};

const keySet: Reader<JSONWebKeySet> = (value) => {
  const keys = member(parseJson(value), "keys");
  const isKeySet = Array.isArray(keys) && keys.every(isKey);
  ensure(isKeySet, 'must be a JSON Web Key Set, {"keys":[...]}');
  return { keys };
};

function isKey(value: unknown): value is JWK {
  return typeof member(value, "kty") === "string";
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function list(separator: string, item: Reader<string>): Reader<string[]> {
  return (value) => value.split(separator).map((part) => part.trim()).filter(Boolean).map(item);
}

const readers = {
  SUPABASE_URL: httpUrl,
  SUPABASE_PUBLISHABLE_KEYS: namedKeys,
  SUPABASE_PUBLISHABLE_KEY: text,
  SUPABASE_ANON_KEY: text,
  SUPABASE_SECRET_KEYS: namedKeys,
  SUPABASE_SECRET_KEY: text,
  SUPABASE_SERVICE_ROLE_KEY: text,
  SUPABASE_JWKS: keySet,
  DATABASE_URL: postgresUrl,
  SUPABASE_DB_URL: postgresUrl,
  HEIMDEX_JWT_ISSUER: text,
  HEIMDEX_PUBLIC_URL: httpUrl,
  HEIMDEX_ALLOWED_ORIGINS: list(
    ",",
    matching(
      /^(\*|https?:\/\/[^/\s]+)$/,
      'must list origins such as https://app.test or "*"',
    ),
  ),
  HEIMDEX_FACE_ENROLLMENT: flag,
  HEIMDEX_SITE_URL: httpUrl,
  HEIMDEX_CURSOR_KEY: secret,
  HEIMDEX_WEBHOOK_SECRETS: list(
    "|",
    matching(
      /^v1,whsec_[A-Za-z0-9+/]{32,86}={0,2}$/,
      'must list secrets such as v1,whsec_<base64>, separated by "|"',
    ),
  ),
  HEIMDEX_CRON_SECRET: secret,
  HEIMDEX_PSEUDONYM_KEY: secret,
  HEIMDEX_RECEIPT_KEY: secret,
  HEIMDEX_WORKER_KEYS: list(",", secret),
  HEIMDEX_CLIENT_IP_HEADER: matching(/^[A-Za-z0-9-]+$/, "must be a header name"),
  HEIMDEX_FORWARD_CLIENT_IP: flag,
  HEIMDEX_LEGACY_JWT_SECRET: secret,
  HEIMDEX_EMBEDDER_URL: address(
    /^(https?:\/\/\S+|supabase-ai:[\w.-]+)$/,
    "must be the address of an embeddings endpoint, or supabase-ai: and a model of the edge runtime",
  ),
  HEIMDEX_EMBEDDER_KEY: text,
  HEIMDEX_EMBEDDER_MODEL: text,
  LEGACY_DATABASE_URL: postgresUrl,
  HEIMDEX_LATE_SWEEP_SECONDS: wholeNumber(),
  HEIMDEX_ERASURES_PER_HOUR: wholeNumber(),
  HEIMDEX_ANSWER_MS: wholeNumber(50, 10_000),
  HEIMDEX_EVENT_ATTEMPTS: wholeNumber(1, 1000),
  HEIMDEX_ANALYTICS_DAYS: wholeNumber(1, 3650),
  HEIMDEX_AUDIT_ADDRESS_DAYS: wholeNumber(30, 3650),
} satisfies Record<string, Reader<unknown>>;

const names = Object.keys(readers) as (keyof typeof readers)[];

/** What the variables say that are set. */
type Settings = { [K in keyof typeof readers]?: ReturnType<typeof readers[K]> };

/**
 * Reads the settings from a plain object. Empty strings count as not set.
 * @throws EnvError with one sentence for each missing or malformed variable; values are never echoed
 */
export function readEnv(source: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const { settings, problems } = readSettings(given);
  problems.push(...findMissing(given));
  if (problems.length > 0) throw new EnvError(problems);
  const env = toEnv(settings);
  if (env.workerKeys.includes(env.secretKey)) {
    throw new EnvError(["HEIMDEX_WORKER_KEYS must not hold the secret key of the project"]);
  }
  return env;
}

function readSettings(
  given: Record<string, string | undefined>,
): { settings: Settings; problems: string[] } {
  const settings: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of names) {
    const value = given[name];
    if (value === undefined) continue;
    try {
      settings[name] = readers[name](value);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      problems.push(`${name} ${error.message}`);
    }
  }
  return { settings: settings as Settings, problems };
}

function findMissing(given: Record<string, string | undefined>): string[] {
  const problems: string[] = [];
  const has = (...names: string[]) => names.some((name) => name in given);
  if (!has("SUPABASE_URL")) problems.push("SUPABASE_URL is not set");
  if (!has("SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY")) {
    problems.push("SUPABASE_PUBLISHABLE_KEYS is not set");
  }
  if (!has("SUPABASE_SECRET_KEYS", "SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY")) {
    problems.push("SUPABASE_SECRET_KEYS is not set");
  }
  if (!has("DATABASE_URL", "SUPABASE_DB_URL")) {
    problems.push("DATABASE_URL and SUPABASE_DB_URL are not set, set one of them");
  }
  if (given["HEIMDEX_FORWARD_CLIENT_IP"] === "true" && !has("HEIMDEX_CLIENT_IP_HEADER")) {
    problems.push("HEIMDEX_CLIENT_IP_HEADER is not set, HEIMDEX_FORWARD_CLIENT_IP needs it");
  }
  return problems;
}

/**
 * Answers an optional setting that a route cannot do without.
 * @throws EnvError naming the variable
 */
export function requireSetting<K extends keyof typeof settingNames>(env: Env, key: K): string {
  const value = env[key];
  if (value === undefined) throw new EnvError([`${settingNames[key]} is not set`]);
  return value;
}

/**
 * The settings in the environment of this process. The only read of it in functions and shared code,
 * and by name, so that a function can be run without the right to any other variable.
 */
export function processEnv(): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

const settingNames = {
  cursorKey: "HEIMDEX_CURSOR_KEY",
  cronSecret: "HEIMDEX_CRON_SECRET",
  pseudonymKey: "HEIMDEX_PSEUDONYM_KEY",
  receiptKey: "HEIMDEX_RECEIPT_KEY",
  siteUrl: "HEIMDEX_SITE_URL",
  clientIpHeader: "HEIMDEX_CLIENT_IP_HEADER",
  legacyDatabaseUrl: "LEGACY_DATABASE_URL",
  legacyJwtSecret: "HEIMDEX_LEGACY_JWT_SECRET",
} as const satisfies Partial<Record<keyof Env, string>>;

function toEnv(v: Settings): Env {
  const supabaseUrl = v.SUPABASE_URL ?? "";
  return {
    supabaseUrl,
    publishableKey: v.SUPABASE_PUBLISHABLE_KEYS ?? v.SUPABASE_PUBLISHABLE_KEY ??
      v.SUPABASE_ANON_KEY ?? "",
    secretKey: v.SUPABASE_SECRET_KEYS ?? v.SUPABASE_SECRET_KEY ?? v.SUPABASE_SERVICE_ROLE_KEY ?? "",
    databaseUrl: v.DATABASE_URL ?? v.SUPABASE_DB_URL ?? "",
    jwtIssuer: v.HEIMDEX_JWT_ISSUER ?? `${supabaseUrl}/auth/v1`,
    publicUrl: v.HEIMDEX_PUBLIC_URL ?? supabaseUrl,
    allowedOrigins: v.HEIMDEX_ALLOWED_ORIGINS ?? [],
    forwardClientIp: v.HEIMDEX_FORWARD_CLIENT_IP ?? false,
    faceEnrollment: v.HEIMDEX_FACE_ENROLLMENT ?? false,
    webhookSecrets: v.HEIMDEX_WEBHOOK_SECRETS ?? [],
    workerKeys: v.HEIMDEX_WORKER_KEYS ?? [],
    lateSweepSeconds: v.HEIMDEX_LATE_SWEEP_SECONDS ?? 7500,
    erasuresPerHour: v.HEIMDEX_ERASURES_PER_HOUR ?? 100,
    eventAttempts: v.HEIMDEX_EVENT_ATTEMPTS ?? 12,
    analyticsDays: v.HEIMDEX_ANALYTICS_DAYS ?? 90,
    auditAddressDays: v.HEIMDEX_AUDIT_ADDRESS_DAYS ?? 90,
    answerMs: v.HEIMDEX_ANSWER_MS ?? 1000,
    ...present({
      jwks: v.SUPABASE_JWKS,
      siteUrl: v.HEIMDEX_SITE_URL,
      cursorKey: v.HEIMDEX_CURSOR_KEY,
      cronSecret: v.HEIMDEX_CRON_SECRET,
      pseudonymKey: v.HEIMDEX_PSEUDONYM_KEY,
      receiptKey: v.HEIMDEX_RECEIPT_KEY,
      clientIpHeader: v.HEIMDEX_CLIENT_IP_HEADER,
      legacyJwtSecret: v.HEIMDEX_LEGACY_JWT_SECRET,
      embedderUrl: v.HEIMDEX_EMBEDDER_URL,
      embedderKey: v.HEIMDEX_EMBEDDER_KEY,
      embedderModel: v.HEIMDEX_EMBEDDER_MODEL,
      legacyDatabaseUrl: v.LEGACY_DATABASE_URL,
    }),
  };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined: an optional member is absent, not undefined. */
function present<T extends Record<string, unknown>>(values: T): Present<T> {
  const kept: Present<T> = {};
  for (const key of Object.keys(values) as (keyof T)[]) {
    const value = values[key];
    if (value !== undefined) kept[key] = value as Exclude<T[keyof T], undefined>;
  }
  return kept;
}
