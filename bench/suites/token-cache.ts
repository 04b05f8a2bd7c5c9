import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { tokenCacheDefaults } from "../../shared/auth/token-cache.ts";
import { runFlags } from "../../tools/deno.mjs";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { writeTokens } from "./token-cache/write-tokens.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";
const script = new URL("./token-cache/soak.ts", import.meta.url).pathname;
const sizes = isSmall ? { stub: 40_000, real: 400 } : { stub: 5_000_000, real: 100_000 };
/** The harness's warm-up brings so many times fewer: each run is a process of its own. */
const warmUpPart = 100;

/** What a process holds while it is brought more tokens than a deployment ever sees, beside fewer. */
export const tokenCacheSuite: BenchSuite = {
  description: "memory of the token cache under millions of distinct tokens",
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
    const close = () => rm(folder, { recursive: true, force: true });
    const file = join(folder, "tokens");
    try {
      await writeTokens(file, sizes.real);
    } catch (error) {
      await close();
      throw error;
    }
    const cases = [
      compareMemory(`${sizes.stub} distinct tokens`, sizes.stub),
      compareMemory(`${sizes.real} real tokens`, sizes.real, [file]),
    ];
    return { cases, close };
  },
};

function compareMemory(title: string, count: number, source: string[] = []): BenchCase {
  const run = pairRuns(count, source);
  return {
    name: "token-cache",
    case: title,
    unit: "MB",
    better: "lower",
    baselineName: "ours at 1x",
    // A run takes the better part of a minute.
    runs: 3,
    destructive: true,
    ours: async () => (await run()).peak,
    baseline: async () => (await run()).early,
  };
}

/** One run gives the figures of both sides: whoever asks second is told what the first has measured. */
function pairRuns(count: number, source: string[]): () => Promise<Memory> {
  let isWarm = false;
  let open: Promise<Memory> | undefined;
  return () => {
    const known = open;
    if (known) {
      open = undefined;
      return known;
    }
    open = soak(isWarm ? count : Math.ceil(count / warmUpPart), source);
    isWarm = true;
    return open;
  };
}

/** Megabytes of the process at its highest: at all, and within the first quarter of the tokens. */
interface Memory {
  peak: number;
  early: number;
}

async function soak(count: number, source: string[]): Promise<Memory> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, script, String(count), ...source],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  const { peak, early, verified, entries, bytes } = JSON.parse(new TextDecoder().decode(stdout));
  if (verified !== count) throw new Error(`${verified} of ${count} tokens were verified`);
  const { maxEntries, maxBytes } = tokenCacheDefaults;
  if (entries > maxEntries || bytes > maxBytes) {
    throw new Error(`The cache keeps ${entries} tokens of ${bytes} octets, more than it may`);
  }
  return { peak: peak / 1_000_000, early: early / 1_000_000 };
}
