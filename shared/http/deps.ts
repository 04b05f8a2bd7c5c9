import { type ActivityLog, createActivityLog } from "../audit/activity-log.ts";
import { type AuthClients, createAuthClients } from "../auth/clients.ts";
import { createTokenCache } from "../auth/token-cache.ts";
import { createTokenVerifier, type TokenVerifier } from "../auth/verify-token.ts";
import { createDatabase, type Database } from "../database/doors.ts";
import type { Env } from "../env.ts";
import { createEmbedder } from "../search/embedders/create-embedder.ts";
import type { Embedder } from "../search/embedders/embedder.ts";
import { createLineLog, flushAtExit } from "./line-log.ts";
import { createObjectStore, type ObjectStore } from "../storage/object-store.ts";

/** Everything a function's routes need from outside. Tests replace single members. */
export interface Deps {
  env: Env;
  verifier: TokenVerifier;
  database: Database;
  auth: AuthClients;
  objects: ObjectStore;
  embedder: Embedder;
  /** The audit trail and the statistics, written after the answer. */
  activities: ActivityLog;
  now(): Date;
  /** Lets work go on after the answer was sent; failures are logged, never thrown. */
  waitUntil(work: Promise<unknown>): void;
  /** Writes one JSON line to the function's log. */
  log(line: Record<string, unknown>): void;
}

/** Wires the real parts. Nothing connects before its first use. */
export function createDeps(env: Env): Deps {
  const deps = {
    env,
    verifier: createTokenCache(createTokenVerifier(env)),
    database: createDatabase(env),
    auth: createAuthClients(env),
    objects: createObjectStore(env),
    embedder: createEmbedder(env),
    now: () => new Date(),
    waitUntil: (work: Promise<unknown>) =>
      keepAlive(work.catch((error) => log(describeFailure(error)))),
    log,
  };
  return { ...deps, activities: createActivityLog(deps) };
}

/**
 * The dependencies of one request whose calls to Supabase Auth name the caller's address, where the
 * project takes it; otherwise the same object.
 */
export function forwardClientIp(deps: Deps, clientIp: string | null): Deps {
  if (!deps.env.forwardClientIp || clientIp === null) return deps;
  return { ...deps, auth: deps.auth.onBehalfOf(clientIp) };
}

/** The hosted runtime ends an isolate after its answer unless told of the work that remains. */
function keepAlive(work: Promise<unknown>): void {
  const runtime: unknown = Reflect.get(globalThis, "EdgeRuntime");
  if (hasWaitUntil(runtime)) runtime.waitUntil(work);
}

function hasWaitUntil(value: unknown): value is { waitUntil(work: Promise<unknown>): void } {
  return typeof value === "object" && value !== null &&
    typeof Reflect.get(value, "waitUntil") === "function";
}

// deno-lint-ignore no-console -- the hosted platform collects a function's log from the console
const lines = flushAtExit(createLineLog((message) => console.log(message)));

function log(line: Record<string, unknown>): void {
  lines.add(line);
}

function describeFailure(error: unknown): Record<string, unknown> {
  return { level: "error", event: "background_work_failed", ...describeError(error) };
}

/**
 * What a log line may say of an error: name, message, SQLSTATE or system code. Messages of
 * PostgreSQL's data exceptions (class 22) quote the caller's input and are left out.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error_name: typeof error };
  const code: unknown = Reflect.get(error, "code");
  const quotesInput = typeof code === "string" && /^22...$/.test(code);
  return {
    error_name: error.name,
    ...(typeof code === "string" ? { error_code: code } : {}),
    ...(quotesInput ? {} : { error_message: error.message }),
    ...(error.cause instanceof Error ? { error_cause: describeError(error.cause) } : {}),
  };
}
