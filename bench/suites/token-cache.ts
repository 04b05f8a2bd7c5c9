import process from "node:process";
import { tokenCacheDefaults } from "../../shared/auth/token-cache.ts";
import { runFlags } from "../../tools/deno.mjs";
import type { BenchCase, BenchSuite } from "../harness.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";
const script = new URL("./token-cache/soak.ts", import.meta.url).pathname;
const sizes = isSmall ? { stub: 40_000, real: 400 } : { stub: 5_000_000, real: 100_000 };
/** The baseline brings so many times fewer tokens, and still more than are kept. */
const part = 4;

/** What a cache holds after more tokens than a deployment ever sees, beside after fewer. */
export const tokenCacheSuite: BenchSuite = {
  description: "memory of the token cache under millions of distinct tokens",
  open: () =>
    Promise.resolve({
      cases: [
        compareMemory(`${sizes.stub} distinct tokens`, "stub"),
        compareMemory(`${sizes.real} real tokens`, "real"),
      ],
      close: () => Promise.resolve(),
    }),
};

function compareMemory(title: string, kind: "stub" | "real"): BenchCase {
  return {
    name: "token-cache",
    case: title,
    unit: "MB",
    better: "lower",
    baselineName: "ours at 1x",
    // Each run is a process of its own, and minutes long.
    runs: 3,
    destructive: true,
    ours: () => soak(kind, sizes[kind]),
    baseline: () => soak(kind, sizes[kind] / part),
  };
}

/** Megabytes of the process at its highest. */
async function soak(kind: string, count: number): Promise<number> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, "--v8-flags=--expose-gc", script, kind, String(count)],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  const { peakRss, entries, bytes } = JSON.parse(new TextDecoder().decode(stdout));
  const { maxEntries, maxBytes } = tokenCacheDefaults;
  if (entries > maxEntries || bytes > maxBytes) {
    throw new Error(`The cache keeps ${entries} tokens of ${bytes} octets, more than it may`);
  }
  return peakRss / 1_000_000;
}
