import { argon2id, bcrypt } from "hash-wasm";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach } from "vitest";
import {
  createLegacySchema,
  type LegacyRow,
  writeLegacyRows,
} from "../../../../cli/legacy/sample/write.ts";
import { type LegacyWorld, startLegacyWorld } from "../../../../local/legacy-world.ts";
import { readEnv } from "../../../../shared/env.ts";
import { createDeps } from "../../../../shared/http/deps.ts";
import type { LegacyContext } from "../../../../shared/legacy/context.ts";
import { openLegacySource } from "../../../../shared/legacy/source.ts";
import { type AuthProxy, startAuthProxy } from "./auth-proxy.ts";

/** A project with adopted legacy tables and an empty Supabase Auth behind a proxy, new for each test. */
export interface ExportWorld {
  readonly world: LegacyWorld;
  readonly proxy: AuthProxy;
  /** As supabase_admin. */
  sql(): postgres.Sql;
  /** Writes legacy users; what is not given is made up. Answers their ids. */
  addUsers(...users: LegacyRow[]): Promise<string[]>;
  /** Adds as many plain users by one statement. */
  addMany(count: number): Promise<void>;
  /** Creates a user through the Admin API. */
  addAccount(user: Record<string, unknown>): Promise<string>;
  /** Runs `fn` with what the steps work with; `environment` goes over the stack's own. */
  run<T>(
    fn: (ctx: LegacyContext) => Promise<T>,
    environment?: Record<string, string | undefined>,
  ): Promise<T>;
  /** What the command needs to work on this project. */
  environment(): Record<string, string>;
}

/** Cheap hashes of real passwords. */
export const hashes = {
  argon2id: (password: string) =>
    argon2id({
      password,
      salt: crypto.getRandomValues(new Uint8Array(16)),
      parallelism: 1,
      iterations: 1,
      memorySize: 64,
      hashLength: 32,
      outputType: "encoded",
    }),
  bcrypt: (password: string) =>
    bcrypt({
      password,
      salt: crypto.getRandomValues(new Uint8Array(16)),
      costFactor: 4,
      outputType: "encoded",
    }),
};

const plainHash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A".repeat(43);

/** Starts the world of a test file. The result fills before the first test. */
export function useExportWorld(): ExportWorld {
  const own = {} as { -readonly [K in keyof ExportWorld]: ExportWorld[K] };
  beforeAll(async () => {
    own.world = await startLegacyWorld({ project: "adopted", createTables: createLegacySchema });
    own.proxy = await startAuthProxy(() => own.world.stack.url);
  });
  afterAll(() => own.world?.stop());
  beforeEach(async () => {
    own.proxy.reset();
    await own.world.reset();
  });
  own.sql = () => own.world.sql();
  own.environment = () => ({
    ...own.world.stack.environment,
    DATABASE_URL: own.world.stack.databaseUrl,
    SUPABASE_URL: own.proxy.url,
  });
  own.addUsers = async (...users) => {
    const rows = users.map((user, index): LegacyRow => ({
      user_id: crypto.randomUUID(),
      email: `user-${index}-${crypto.randomUUID().slice(0, 8)}@example.test`,
      email_verified: true,
      password_hash: plainHash,
      ...user,
    }));
    await writeLegacyRows(own.sql(), { users: rows });
    return rows.map((row) => String(row.user_id));
  };
  own.addMany = async (count) => {
    await own.sql()`
      insert into public.users (email, email_verified, password_hash, display_name, tier)
      select 'many-' || i || '@example.test', true, ${plainHash}, 'Many ' || i, 'pro'
      from generate_series(1, ${count}::int) as i`;
  };
  own.addAccount = async (user) => {
    const { url, secretKey } = own.world.stack;
    const response = await fetch(`${url}/auth/v1/admin/users`, {
      method: "POST",
      headers: { apikey: secretKey, "content-type": "application/json" },
      body: JSON.stringify({ email_confirm: true, ...user }),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`Cannot create the account: ${JSON.stringify(body)}`);
    return body.id;
  };
  own.run = async (fn, environment = {}) => {
    const env = readEnv({ ...own.environment(), ...environment });
    const sql = postgres(env.databaseUrl, { max: 4, prepare: false, onnotice: () => {} });
    const source = openLegacySource({
      projectUrl: env.databaseUrl,
      projectSql: sql,
      ...(env.legacyDatabaseUrl ? { legacyUrl: env.legacyDatabaseUrl } : {}),
    });
    const deps = { ...createDeps(env), log: () => {} };
    try {
      return await fn({ sql, source, deps, now: () => new Date() });
    } finally {
      await deps.database.close();
      await source.close();
      await sql.end();
    }
  };
  return own;
}
