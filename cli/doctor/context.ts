import type postgres from "postgres";
import { type Env, EnvError, readEnv } from "../../shared/env.ts";
import { parseJson } from "../../shared/json.ts";
import type { CliContext } from "../context.ts";
import { type Probe, signInThrowaway } from "./probe.ts";
import { SilentError, UnavailableError } from "./unavailable.ts";

/** Where the project runs: our embedded stack, `supabase start`, or hosted. */
export type Stage = "embedded" | "local" | "hosted";

/** An answer of the project's API. */
export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed where it is JSON, else undefined. */
  body: unknown;
}

/** What a check may use. */
export interface DoctorContext {
  readonly stage: Stage;
  /** As it is, for settings that `readEnv` would refuse. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The settings of the functions; null while one of them is missing or malformed. */
  readonly settings: Env | null;
  /** One sentence for each of those. */
  readonly settingProblems: readonly string[];
  /** True where the environment carries settings of the functions at all. */
  readonly knowsSettings: boolean;
  now(): Date;
  /** One read-only transaction of at most 15 s. */
  read<T>(fn: (sql: postgres.TransactionSql) => Promise<T>): Promise<T>;
  /**
   * Calls the project's API; at most 10 s.
   * @throws UnavailableError where SUPABASE_URL is missing; SilentError where nobody answers
   */
  call(path: string, init?: RequestInit): Promise<Answer>;
  /** A session of a user made for this run; null without `--probe`. */
  probe(): Promise<Probe | null>;
  /** Calls Supabase's management API; null without SUPABASE_ACCESS_TOKEN or on another stage. */
  manage(path: string): Promise<Answer | null>;
  /** Deletes what `probe` made. Throws UnavailableError when that fails. */
  close(): Promise<void>;
}

export interface DoctorOptions {
  sql: postgres.Sql;
  probe: boolean;
}

const patience = 10_000;
const managementUrl = "https://api.supabase.com";

/** Gathers what the checks need; nothing but the database is asked yet. */
export async function createDoctorContext(
  { env, now }: CliContext,
  { sql, probe }: DoctorOptions,
): Promise<DoctorContext> {
  const read: DoctorContext["read"] = async (fn) => {
    const result = await sql.begin("read only", async (tx) => {
      await tx`set local statement_timeout = '15s'`;
      return { value: await fn(tx) };
    });
    return (result as { value: Awaited<ReturnType<typeof fn>> }).value;
  };
  const stage = await findStage(env, read);
  const call = (path: string, init?: RequestInit) => fetchAnswer(`${apiUrl(env)}${path}`, init);
  let session: Promise<Probe> | undefined;
  const { settings, problems } = readSettings(env);
  return {
    stage,
    env,
    settings,
    settingProblems: problems,
    knowsSettings: Object.entries(env).some(([name, value]) =>
      name.startsWith("HEIMDEX_") && value
    ),
    now,
    read,
    call,
    probe: () => probe ? session ??= signInThrowaway(settings) : Promise.resolve(null),
    manage: (path) => callManagement(env, stage, path),
    close: async () => {
      await (await session?.catch(() => undefined))?.remove();
    },
  };
}

function readSettings(
  env: CliContext["env"],
): { settings: Env | null; problems: readonly string[] } {
  try {
    return { settings: readEnv(env), problems: [] };
  } catch (error) {
    if (error instanceof EnvError) return { settings: null, problems: error.problems };
    throw error;
  }
}

/** Both hosted and `supabase start` can schedule jobs in the database; the embedded stack cannot. */
async function findStage(env: CliContext["env"], read: DoctorContext["read"]): Promise<Stage> {
  const url = env.SUPABASE_URL || env.DATABASE_URL || env.SUPABASE_DB_URL || "";
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  if (!["127.0.0.1", "localhost", "[::1]", "host.docker.internal"].includes(host)) return "hosted";
  const [row] = await read((sql) =>
    sql<[{ cron: boolean }]>`
      select exists (select from pg_available_extensions where name = 'pg_cron') as cron`
  );
  return row.cron ? "local" : "embedded";
}

function apiUrl(env: CliContext["env"]): string {
  const url = env.SUPABASE_URL?.replace(/\/+$/, "");
  if (url && /^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new UnavailableError("SUPABASE_URL is not set to the address of the project");
}

async function fetchAnswer(url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(patience) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parseJson(text) };
  } catch (cause) {
    throw new SilentError(`${new URL(url).origin} does not answer`, { cause });
  }
}

async function callManagement(
  env: CliContext["env"],
  stage: Stage,
  path: string,
): Promise<Answer | null> {
  const host = URL.canParse(env.SUPABASE_URL ?? "") ? new URL(env.SUPABASE_URL ?? "").hostname : "";
  const reference = /^([a-z]{20})\.supabase\.(co|in)$/.exec(host)?.[1];
  if (stage !== "hosted" || !env.SUPABASE_ACCESS_TOKEN || !reference) return null;
  return await fetchAnswer(`${managementUrl}/v1/projects/${reference}${path}`, {
    headers: { authorization: `Bearer ${env.SUPABASE_ACCESS_TOKEN}` },
  });
}
