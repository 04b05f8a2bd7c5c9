import process from "node:process";
import postgres from "postgres";
import { createLegacySchema } from "../../cli/legacy/sample/write.ts";
import { type LegacyWorld, startLegacyWorld } from "../../local/legacy-world.ts";
import { fillOwners } from "../../shared/legacy/cutover/fill-owners.ts";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { watchReaders } from "./legacy/watch-readers.ts";
import { runMeasured } from "./legacy/run-measured.ts";
import { type Library, seedBeforeCutover } from "./legacy/seed.ts";

/** The suite's own test asks for a size whose figures say nothing. */
const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";

const library: Library = isSmall
  ? { users: 10, videos: 500, scenes: 200 }
  : { users: 10_000, videos: 1_000_000, scenes: 200_000 };

/** The default of `heimdex legacy cutover`. */
const batchRows = 2000;
const lockLimitMs = 5000;
const runs = 3;

/** The cutover of a large library: the pace of its fill, and how long it keeps readers waiting. */
export const legacyCutoverSuite: BenchSuite = {
  description: "cutover at 1,000,000 videos: pace of the fill, longest exclusive lock",
  async open() {
    const world = await startLegacyWorld({
      project: "adopted",
      createTables: createLegacySchema,
      durable: true,
    });
    try {
      await seedBeforeCutover(world.sql(), library);
      await world.keep();
      return { cases: listCases(world), close: () => world.stop() };
    } catch (error) {
      await world.stop();
      throw error;
    }
  },
};

function listCases(world: LegacyWorld): BenchCase[] {
  // One cutover gives the figures of both cases: the second takes what the first measured.
  const locks: number[] = [];
  const waiting = locks.values();
  const common = { name: "legacy-cutover", runs, destructive: true };
  return [
    {
      ...common,
      case: "fill",
      unit: "rows/s",
      better: "higher",
      baselineName: "plain update",
      ours: async () => {
        await world.reset();
        const pace = await fillInBatches(world);
        locks.push(await cutOver(world));
        return pace;
      },
      baseline: async () => {
        await world.reset();
        return await updateAtOnce(world);
      },
    },
    {
      ...common,
      case: "longest exclusive lock",
      unit: "ms",
      better: "lower",
      baselineName: "the limit",
      ours: () => Promise.resolve(waiting.next().value ?? missing()),
      baseline: () => Promise.resolve(lockLimitMs),
    },
  ];
}

function missing(): never {
  throw new Error("The case before this one made fewer cutovers");
}

/** Rows of videos a second by the fill of the cutover, which then fills all other tables too. */
async function fillInBatches({ stack }: LegacyWorld): Promise<number> {
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`select private.prepare_legacy_owners()`;
    const started = performance.now();
    let seconds = 0;
    const { readRows } = await fillOwners(sql, {
      batchRows,
      // The videos are filled first.
      onProgress: (rows) => {
        if (rows >= library.videos) seconds ||= (performance.now() - started) / 1000;
      },
    });
    if (readRows < library.videos) throw new Error(`Only ${readRows} rows were filled`);
    return library.videos / seconds;
  } finally {
    await sql.end();
  }
}

/** The same column in one statement. */
async function updateAtOnce({ stack }: LegacyWorld): Promise<number> {
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`select private.prepare_legacy_owners()`;
    const started = performance.now();
    const { count } = await sql`
      update public.videos as v set supabase_user_id = e.supabase_user_id
      from private.legacy_exports as e where e.legacy_user_id = v.user_id`;
    if (count !== library.videos) throw new Error(`${count} videos were updated`);
    return count / ((performance.now() - started) / 1000);
  } finally {
    await sql.end();
  }
}

/** Runs the rest of the cutover; returns the longest that a reader of any table had to wait, in ms. */
async function cutOver({ stack }: LegacyWorld): Promise<number> {
  const watch = watchReaders(stack.databaseUrl);
  try {
    await runMeasured(["legacy", "cutover", "--json"], stack.environment);
  } finally {
    await watch.stop();
  }
  const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql<{ moved: number; users: string | null }[]>`
      select count(*)::int as moved, to_regclass('public.users')::text as users
      from public.videos join private.legacy_exports on supabase_user_id = user_id`;
    if (row?.moved !== library.videos || row.users !== null) {
      throw new Error(`${row?.moved} of ${library.videos} videos have their new owner`);
    }
    return watch.longest();
  } finally {
    await sql.end();
  }
}
