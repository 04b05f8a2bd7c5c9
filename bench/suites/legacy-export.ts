import process from "node:process";
import postgres from "postgres";
import { z } from "zod";
import { restoreUsersTables } from "../../shared/legacy/rollback/restore-users-tables.ts";
import { startTemporaryStack, type TemporaryStack } from "../../local/temporary.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { exportNaively } from "./legacy/naive.ts";
import { createPlainly } from "./legacy/plain-load.ts";
import { runMeasured } from "./legacy/run-measured.ts";
import { seedUsers } from "./legacy/seed.ts";

/** The suite's own test asks for a size whose figures say nothing. */
const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";

const simple = isSmall ? 50 : 10_000;
const tenfold = isSmall ? 100 : 100_000;
const sequentialUsers = isSmall ? 20 : 2000;
const warmUpUsers = isSmall ? 20 : 1000;

/** The default of `heimdex legacy export`. */
const concurrency = 16;
const runs = 3;

/** The export of legacy users: how fast, against what Supabase Auth can take, and in what memory. */
export const legacyExportSuite: BenchSuite = {
  description: "export of legacy users: pace against the devlog's script and a plain load, memory",
  async open() {
    const temporary = await startTemporaryStack({ name: "heimdex-bench", drain: false });
    const sql = postgres(temporary.stack.adminDatabaseUrl, { max: 2, onnotice: () => {} });
    const close = async () => {
      await sql.end({ timeout: 5 });
      await temporary.stop();
    };
    try {
      const owner = postgres(temporary.stack.databaseUrl, { max: 1, onnotice: () => {} });
      await owner.begin((tx) => restoreUsersTables(tx)).finally(() => owner.end());
      return { cases: listCases({ stack: temporary.stack, sql }), close };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

interface World {
  stack: TemporaryStack["stack"];
  sql: postgres.Sql;
}

/** What one side did: users per second, and what the process took at most. */
interface Measurement {
  pace: number;
  /** MiB; 0 for a side that runs in this process. */
  memory: number;
}

/**
 * One measurement gives the figures of several cases. The case that is asked first makes them, one
 * for each of its turns; the others are told the same ones.
 */
class Series {
  #made: Measurement[] = [];
  #turns = new Map<string, number>();
  constructor(readonly measure: (isWarmUp: boolean) => Promise<Measurement>) {}

  async take(by: string): Promise<Measurement> {
    const turn = this.#turns.get(by) ?? 0;
    this.#turns.set(by, turn + 1);
    return this.#made[turn] ??= await this.measure(turn === 0);
  }
}

function listCases(world: World): BenchCase[] {
  const size = (users: number, isWarmUp: boolean) => isWarmUp ? warmUpUsers : users;
  const ours = {
    simple: new Series((isWarmUp) => exportUsers(world, size(simple, isWarmUp))),
    tenfold: new Series((isWarmUp) => exportUsers(world, size(tenfold, isWarmUp))),
  };
  const baselines = {
    sequential: new Series(() => exportSequentially(world)),
    "plain load": new Series((isWarmUp) => loadPlainly(world, size(simple, isWarmUp))),
  };
  const paces = (["simple", "tenfold"] as const).flatMap((name) =>
    (["plain load", "sequential"] as const).map((baselineName): BenchCase => {
      const title = `${(name === "simple" ? simple : tenfold).toLocaleString("en")} users`;
      const by = `${title} ${baselineName}`;
      return {
        name: "legacy-export",
        case: title,
        unit: "users/s",
        better: "higher",
        baselineName,
        runs,
        destructive: true,
        ours: async () => (await ours[name].take(by)).pace,
        baseline: async () => (await baselines[baselineName].take(by)).pace,
      };
    })
  );
  return [...paces, {
    name: "legacy-export",
    case: "memory",
    unit: "MiB at most",
    better: "lower",
    baselineName: "ours at 1x",
    runs,
    destructive: true,
    ours: async () => (await ours.tenfold.take("memory")).memory,
    baseline: async () => (await ours.simple.take("memory")).memory,
  }];
}

/** Takes away every user on both sides; legacy users are then seeded anew. */
async function empty({ sql }: World): Promise<void> {
  await sql.unsafe(`truncate public.users, auth.users, auth.audit_log_entries,
    private.legacy_exports, private.legacy_failures, private.auth_events cascade`);
}

const reportSchema = z.object({ created: z.number(), failed: z.literal(0) });

/** The real command as a process of its own, on users whom Supabase Auth does not know. */
async function exportUsers(world: World, users: number): Promise<Measurement> {
  await empty(world);
  await seedUsers(world.sql, { users, linked: false });
  const { out, seconds, memory } = await runMeasured(
    ["legacy", "export", "--concurrency", String(concurrency), "--json"],
    world.stack.environment,
  );
  const report = reportSchema.parse(JSON.parse(out));
  if (report.created !== users) throw new Error(`${report.created} of ${users} were created`);
  return { pace: users / seconds, memory };
}

/** As many requests at once as ours sends, with the same content and nothing around them. */
async function loadPlainly(world: World, users: number): Promise<Measurement> {
  await empty(world);
  await seedUsers(world.sql, { users, linked: false });
  const seconds = await createPlainly(world.stack, concurrency);
  return { pace: users / seconds, memory: 0 };
}

/** The devlog's script, on users who have accounts: it knows no others. */
async function exportSequentially(world: World): Promise<Measurement> {
  await empty(world);
  await seedUsers(world.sql, { users: sequentialUsers, linked: true });
  const started = performance.now();
  const { success } = await exportNaively(world.stack, world.sql);
  const seconds = (performance.now() - started) / 1000;
  if (success !== sequentialUsers) throw new Error(`${success} of ${sequentialUsers} succeeded`);
  return { pace: sequentialUsers / seconds, memory: 0 };
}
