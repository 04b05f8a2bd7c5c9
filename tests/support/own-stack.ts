import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, beforeAll } from "vitest";
import type { Stack } from "../../local/stack.ts";
import { startTemporaryStack, type TemporaryStack } from "../../local/temporary.ts";
import { createErasureContext, type ErasureContext } from "../../shared/erasure/context.ts";
import { type Env, readEnv } from "../../shared/env.ts";
import { createDeps } from "../../shared/http/deps.ts";

/** A stack that one test file has for itself, and the ways into it. */
export interface OwnStack {
  readonly stack: Stack;
  readonly env: Env;
  /** As supabase_admin. */
  readonly sql: postgres.Sql;
  /** With the secret key. */
  readonly admin: SupabaseClient;
  readonly erasures: ErasureContext;
  /** What the context logged. */
  readonly lines: Record<string, unknown>[];
}

/**
 * Starts a stack without a drain for this file and ends it with the file: for tests that break what
 * a project has only once, such as its chain of receipts. The result fills before the first test.
 */
export function useOwnStack(name: string): OwnStack {
  const own = {} as { -readonly [K in keyof OwnStack]: OwnStack[K] };
  let temporary: TemporaryStack | undefined;
  let close = () => Promise.resolve();
  beforeAll(async () => {
    temporary = await startTemporaryStack({ name: `heimdex-${name}`, drain: false });
    own.stack = temporary.stack;
    own.env = readEnv(own.stack.environment);
    own.sql = postgres(own.stack.adminDatabaseUrl, { max: 2, onnotice: () => {} });
    own.admin = createClient(own.stack.url, own.stack.secretKey, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    own.lines = [];
    const deps = {
      ...createDeps(own.env),
      log: (line: object) => void own.lines.push({ ...line }),
    };
    own.erasures = createErasureContext(deps);
    close = () => deps.database.close();
  });
  afterAll(async () => {
    await close();
    await own.sql?.end();
    await temporary?.stop();
  });
  return own;
}
