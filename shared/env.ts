import { z } from "zod";
import type { JSONWebKeySet } from "jose";
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

const text = z.string().trim().min(1);
const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http or https address" })
  .transform((value) => value.replace(/\/+$/, ""));
// An address that only fails where it is used would stand in that error, password included.
const postgresUrl = z.string().refine(
  (value) => /^postgres(ql)?:\/\/\S+$/.test(value) && URL.canParse(value),
  "must be a PostgreSQL address such as postgresql://user:password@host:5432/postgres, " +
    "with special characters of the password percent-encoded",
);
const flag = z.enum(["true", "false"], { error: 'must be "true" or "false"' })
  .transform((value) => value === "true");
const secret = z.string().min(16, "must have at least 16 characters");
const wholeNumber = z.string().regex(/^\d{1,9}$/, "must be a whole number").transform(Number);

/** JSON objects such as `{"default":"sb_secret_..."}`; only the entry `default` is used. */
const namedKeys = z.string().transform((value, ctx) => {
  const parsed = z.object({ default: text }).safeParse(parseJson(value));
  if (parsed.success) return parsed.data.default;
  ctx.addIssue({
    code: "custom",
    message: 'must be a JSON object with an entry "default"',
  });
  return z.NEVER;
});

const keySet = z.string().transform((value, ctx) => {
  const parsed = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })
    .safeParse(parseJson(value));
  if (parsed.success) return parsed.data;
  ctx.addIssue({ code: "custom", message: 'must be a JSON Web Key Set, {"keys":[...]}' });
  return z.NEVER;
});

const list = (separator: string, item: z.ZodType<string, string>) =>
  z.string()
    .transform((value) => value.split(separator).map((part) => part.trim()).filter(Boolean))
    .pipe(z.array(item));

const variables = z.object({
  SUPABASE_URL: httpUrl,
  SUPABASE_PUBLISHABLE_KEYS: namedKeys.optional(),
  SUPABASE_PUBLISHABLE_KEY: text.optional(),
  SUPABASE_ANON_KEY: text.optional(),
  SUPABASE_SECRET_KEYS: namedKeys.optional(),
  SUPABASE_SECRET_KEY: text.optional(),
  SUPABASE_SERVICE_ROLE_KEY: text.optional(),
  SUPABASE_JWKS: keySet.optional(),
  DATABASE_URL: postgresUrl.optional(),
  SUPABASE_DB_URL: postgresUrl.optional(),
  HEIMDEX_JWT_ISSUER: text.optional(),
  HEIMDEX_PUBLIC_URL: httpUrl.optional(),
  HEIMDEX_ALLOWED_ORIGINS: list(
    ",",
    z.string().regex(
      /^(\*|https?:\/\/[^/\s]+)$/,
      'must list origins such as https://app.test or "*"',
    ),
  ).optional(),
  HEIMDEX_FACE_ENROLLMENT: flag.optional(),
  HEIMDEX_SITE_URL: httpUrl.optional(),
  HEIMDEX_CURSOR_KEY: secret.optional(),
  HEIMDEX_WEBHOOK_SECRETS: list(
    "|",
    z.string().regex(
      /^v1,whsec_[A-Za-z0-9+/]{32,86}={0,2}$/,
      'must list secrets such as v1,whsec_<base64>, separated by "|"',
    ),
  ).optional(),
  HEIMDEX_CRON_SECRET: secret.optional(),
  HEIMDEX_PSEUDONYM_KEY: secret.optional(),
  HEIMDEX_RECEIPT_KEY: secret.optional(),
  HEIMDEX_WORKER_KEYS: list(",", secret).optional(),
  HEIMDEX_CLIENT_IP_HEADER: z.string().regex(/^[A-Za-z0-9-]+$/, "must be a header name").optional(),
  HEIMDEX_FORWARD_CLIENT_IP: flag.optional(),
  HEIMDEX_LEGACY_JWT_SECRET: secret.optional(),
  HEIMDEX_EMBEDDER_URL: z.string().refine(
    (value) => /^(https?:\/\/\S+|supabase-ai:[\w.-]+)$/.test(value) && URL.canParse(value),
    "must be the address of an embeddings endpoint, or supabase-ai: and a model of the edge runtime",
  ).optional(),
  HEIMDEX_EMBEDDER_KEY: text.optional(),
  HEIMDEX_EMBEDDER_MODEL: text.optional(),
  LEGACY_DATABASE_URL: postgresUrl.optional(),
  HEIMDEX_LATE_SWEEP_SECONDS: wholeNumber.optional(),
  HEIMDEX_ERASURES_PER_HOUR: wholeNumber.optional(),
  HEIMDEX_ANSWER_MS: wholeNumber.refine(
    (value) => value >= 50 && value <= 10_000,
    "must be from 50 to 10000",
  ).optional(),
  HEIMDEX_EVENT_ATTEMPTS: wholeNumber.refine(
    (value) => value >= 1 && value <= 1000,
    "must be from 1 to 1000",
  ).optional(),
  HEIMDEX_ANALYTICS_DAYS: wholeNumber.refine(
    (value) => value >= 1 && value <= 3650,
    "must be from 1 to 3650",
  ).optional(),
  HEIMDEX_AUDIT_ADDRESS_DAYS: wholeNumber.refine(
    (value) => value >= 30 && value <= 3650,
    "must be from 30 to 3650",
  ).optional(),
});

/**
 * Reads the settings from a plain object. Empty strings count as not set.
 * @throws EnvError with one sentence for each missing or malformed variable; values are never echoed
 */
export function readEnv(source: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const parsed = variables.safeParse(given);
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return name in given ? `${name} ${issue.message}` : `${name} is not set`;
  });
  const has = (...names: string[]) => names.some((name) => name in given);
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
  if (!parsed.success || problems.length > 0) throw new EnvError([...new Set(problems)]);
  const env = toEnv(parsed.data);
  if (env.workerKeys.includes(env.secretKey)) {
    throw new EnvError(["HEIMDEX_WORKER_KEYS must not hold the secret key of the project"]);
  }
  return env;
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
  for (const name of Object.keys(variables.shape)) {
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

function toEnv(v: z.output<typeof variables>): Env {
  return {
    supabaseUrl: v.SUPABASE_URL,
    publishableKey: v.SUPABASE_PUBLISHABLE_KEYS ?? v.SUPABASE_PUBLISHABLE_KEY ??
      v.SUPABASE_ANON_KEY ?? "",
    secretKey: v.SUPABASE_SECRET_KEYS ?? v.SUPABASE_SECRET_KEY ?? v.SUPABASE_SERVICE_ROLE_KEY ?? "",
    databaseUrl: v.DATABASE_URL ?? v.SUPABASE_DB_URL ?? "",
    jwtIssuer: v.HEIMDEX_JWT_ISSUER ?? `${v.SUPABASE_URL}/auth/v1`,
    publicUrl: v.HEIMDEX_PUBLIC_URL ?? v.SUPABASE_URL,
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
