import process from "node:process";
import postgres from "postgres";
import { startTemporaryStack } from "../../local/temporary.ts";
import { createTokenCache } from "../../shared/auth/token-cache.ts";
import { createTokenVerifier } from "../../shared/auth/verify-token.ts";
import { readEnv } from "../../shared/env.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { type Child, startChild } from "./http/child.ts";
import { concurrency, type LoadGenerator, rawGet, startLoadGenerator } from "./http/load.ts";
import { inParallel } from "./http/in-parallel.ts";
import { createMint, type Mint, mintTokens, seedAccounts } from "./http/users.ts";
import { seedUsersTable } from "./http/users-table.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";
const users = isSmall ? 20 : 200;
/** Rows of the users table of the design before. */
const tableRows = isSmall ? 1_000 : 100_000;
/** Answers in one run, by how fast a design is. */
const answers = isSmall
  ? { fast: 400, cold: 60, slow: 40 }
  : { fast: 30_000, cold: 3_000, slow: 1_000 };
const path = "/functions/v1/me";
/** PostgreSQL hands a connection's statistics over once it has been idle for a second. */
const statisticsDelayMs = 1_500;

/** GET /me through a socket, beside what others would run in its place. */
export const authSuite: BenchSuite = {
  description: "GET /me through a socket: against a constant user, bare Hono and other designs",
  async open() {
    const temporary = await startTemporaryStack({ name: "heimdex-bench", drain: false });
    const world = new World(temporary.stack.environment, await createMint(temporary.stack));
    const close = async () => {
      await world.close();
      await temporary.stop();
    };
    const sql = postgres(temporary.stack.adminDatabaseUrl, { max: 1, onnotice: () => {} });
    try {
      await seedAccounts(sql, users);
      await seedUsersTable(sql, { accounts: users, rows: tableRows });
      world.usersUrl = temporary.stack.adminDatabaseUrl;
      await world.open();
      return { cases: listCases(world), close };
    } catch (error) {
      await close();
      throw error;
    } finally {
      await sql.end();
    }
  },
};

/** Servers by their design, each in a process of its own and started when it is first measured. */
class World {
  usersUrl = "";
  #tokens: string[] = [];
  #generator: LoadGenerator | undefined;
  readonly #servers = new Map<string, { child: Child; port: number }>();

  constructor(readonly environment: Record<string, string>, readonly mint: Mint) {}

  async open(): Promise<void> {
    this.#tokens = await mintTokens(this.mint, users);
    this.#generator = startLoadGenerator();
  }

  /** Answers per second of a design; a token each unless told otherwise. */
  async measure(design: string, count: number, tokens = this.#tokens): Promise<number> {
    const { port } = this.#servers.get(design) ?? await this.#start(design);
    if (!this.#generator) throw new Error("The load generator is not started");
    const requests = tokens.map((token) => rawGet(path, token));
    const job = { port, connections: concurrency, depth: 1, answers: count, requests };
    const { answers, seconds } = await this.#generator.measure(job);
    return answers / seconds;
  }

  /**
   * Scans of any table of the whole project in a run, over its answers. Nobody else uses the
   * database meanwhile; statistics are counted when a connection is idle, so it waits for them.
   */
  async countQueries(design: string, count: number): Promise<number> {
    const before = await this.#countScans();
    await this.measure(design, count);
    return (await this.#countScans() - before) / count;
  }

  async #countScans(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, statisticsDelayMs));
    const sql = postgres(this.usersUrl, { max: 1, onnotice: () => {} });
    try {
      const [row] = await sql<{ scans: number }[]>`
        select sum(coalesce(idx_scan, 0) + coalesce(seq_scan, 0))::float8 as scans
        from pg_stat_user_tables where schemaname in ('public', 'private', 'bench')`;
      return row?.scans ?? NaN;
    } finally {
      await sql.end();
    }
  }

  async #start(design: string): Promise<{ child: Child; port: number }> {
    const child = startChild("./server.ts", { quiet: true });
    const environment = { ...this.environment, BENCH_USERS_URL: this.usersUrl };
    const { port } = await child.ask({ design, environment, token: this.#tokens[0] }) as {
      port: number;
    };
    const server = { child, port };
    this.#servers.set(design, server);
    // The first seconds of a process say more of its compiler than of its design.
    const warmUp = design === "getUser" ? answers.slow : answers.fast;
    await this.measure(design, warmUp);
    return server;
  }

  async close(): Promise<void> {
    await this.#generator?.stop();
    for (const { child } of this.#servers.values()) await child.stop();
  }
}

function listCases(world: World): BenchCase[] {
  const shared = { name: "auth", unit: "requests/s", better: "higher" as const };
  const warm = () => world.measure("ours", answers.fast);
  const beside = (baselineName: string, count = answers.fast): BenchCase => ({
    ...shared,
    case: "GET /me",
    baselineName,
    ours: warm,
    baseline: () => world.measure(baselineName, count),
  });
  return [
    beside("constant user"),
    beside("bare hono"),
    beside("@supabase/server", answers.cold),
    {
      ...shared,
      case: "GET /me, new tokens",
      baselineName: "@supabase/server",
      ours: () => measureNew(world, "ours"),
      baseline: () => measureNew(world, "@supabase/server"),
    },
    beside("getUser", answers.slow),
    beside("users query", answers.cold * 3),
    beside("users query, prepared", answers.cold * 3),
    compareQueries(world),
    compareVerification(world),
  ];
}

/** What the database is asked. */
function compareQueries(world: World): BenchCase {
  const count = answers.cold;
  return {
    name: "auth",
    case: "queries per request",
    unit: "queries",
    better: "lower",
    baselineName: "users query",
    ours: () => world.countQueries("ours", count),
    baseline: () => world.countQueries("users query", count),
  };
}

/** Each token is new: nothing kept from an earlier one helps. */
async function measureNew(world: World, design: string): Promise<number> {
  const tokens = await mintTokens(world.mint, users, answers.cold);
  return await world.measure(design, tokens.length, tokens);
}

/** In this process: a new token to a kept AuthUser, beside the signature check alone. */
function compareVerification({ environment, mint }: World): BenchCase {
  const verifier = createTokenCache(createTokenVerifier(readEnv(environment)));
  const rate = async (check: (token: string) => Promise<unknown>) => {
    const tokens = await mintTokens(mint, users, answers.cold);
    const started = performance.now();
    await inParallel(tokens, concurrency, check);
    return tokens.length / ((performance.now() - started) / 1000);
  };
  const key = importPublicKey(environment);
  return {
    name: "auth",
    case: "new tokens, 16 at once",
    unit: "tokens/s",
    better: "higher",
    baselineName: "crypto.subtle.verify alone",
    ours: () => rate((token) => verifier.verify(token)),
    baseline: async () => {
      const publicKey = await key;
      return await rate((token) => checkSignature(publicKey, token));
    },
  };
}

function importPublicKey(environment: Record<string, string>): Promise<CryptoKey> {
  const [jwk] = readEnv(environment).jwks?.keys ?? [];
  if (!jwk) throw new Error("The stack tells no public key");
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  return crypto.subtle.importKey("jwk", jwk as JsonWebKey, algorithm, false, ["verify"]);
}

async function checkSignature(key: CryptoKey, token: string): Promise<void> {
  const end = token.lastIndexOf(".");
  const signature = Uint8Array.fromBase64(token.slice(end + 1), { alphabet: "base64url" });
  const signed = new TextEncoder().encode(token.slice(0, end));
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  if (await crypto.subtle.verify(algorithm, key, signature, signed)) return;
  throw new Error("The baseline refused a token of the stack");
}
