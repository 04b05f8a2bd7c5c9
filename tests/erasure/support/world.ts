import type { JWK } from "jose";
import postgres from "postgres";
import { createErasureContext, type ErasureContext } from "../../../shared/erasure/context.ts";
import { type Env, readEnv } from "../../../shared/env.ts";
import type { Erasure } from "../../../shared/erasure/erasure.ts";
import { openReceiptSigner } from "../../../shared/erasure/receipts/mod.ts";
import { createDeps, type Deps } from "../../../shared/http/deps.ts";

export type Sql = postgres.Sql;

/** What a world needs to know of a stack; `StackInfo` and `Stack` both have it. */
export interface StackAddress {
  adminDatabaseUrl?: string;
  environment: Record<string, string>;
}

/** A stack as the proofs of erasure see it: the engine in this process, and a look at everything. */
export interface World {
  readonly env: Env;
  readonly environment: Record<string, string>;
  readonly deps: Deps;
  /** As superuser, to see what no role of the project may. */
  readonly sql: Sql;
  readonly publicKey: JWK;
  /** Every line the engine logged in this process. */
  readonly log: Record<string, unknown>[];
  /** The engine's context; `minutes` moves its clock. */
  context(overrides?: Partial<ErasureContext>, minutes?: number): ErasureContext;
  close(): Promise<void>;
}

export async function openWorld(stack: StackAddress): Promise<World> {
  const { adminDatabaseUrl, environment } = stack;
  if (!adminDatabaseUrl) throw new Error("The proofs of erasure need the superuser's URL");
  const env = readEnv(environment);
  const log: Record<string, unknown>[] = [];
  const deps: Deps = { ...createDeps(env), log: (line) => log.push(line) };
  const sql = postgres(adminDatabaseUrl, { max: 2, onnotice: () => {}, backoff: () => 0.1 });
  const { publicKey } = await openReceiptSigner(env.receiptKey ?? "");
  return {
    env,
    environment,
    deps,
    sql,
    publicKey,
    log,
    context: (overrides = {}, minutes = 0) => ({
      ...createErasureContext(deps),
      now: () => new Date(Date.now() + minutes * 60_000),
      ...overrides,
    }),
    close: async () => {
      await Promise.all([deps.database.close(), sql.end({ timeout: 5 })]);
    },
  };
}

/** The time by which a call of the engine has to end, on the context's own clock. */
export function deadlineOf(ctx: Pick<ErasureContext, "now">, seconds = 60): Date {
  return new Date(ctx.now().getTime() + seconds * 1000);
}

export type ErasureRow = Pick<Erasure, "state" | "step" | "attempts"> & {
  erasure_id: string;
  last_error: string | null;
};

/** The erasures of a user, oldest first, while their rows still name the user. */
export async function readErasures(sql: Sql, userId: string): Promise<ErasureRow[]> {
  return await sql<ErasureRow[]>`
    select erasure_id, state, step, attempts, last_error from private.erasures
    where user_id = ${userId} order by requested_at`;
}

export async function readErasureRow(sql: Sql, erasureId: string): Promise<ErasureRow> {
  const [row] = await sql<ErasureRow[]>`
    select erasure_id, state, step, attempts, last_error from private.erasures
    where erasure_id = ${erasureId}`;
  if (!row) throw new Error(`There is no erasure ${erasureId}`);
  return row;
}
