import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { root } from "../house-rules/project.ts";

/** Runs a suite at a size whose figures say nothing, so that it is known to run. */
async function runSmall(suite: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
  const file = join(folder, "results.json");
  const main = join(root, "bench/main.ts");
  const args = [join(root, "tools/deno.mjs"), "run", main, suite, "--json", file];
  const env = { ...process.env, HEIMDEX_BENCH_SIZE: "small" };
  try {
    const ended = await new Promise((resolve) => {
      execFile("node", args, { cwd: root, env }, (error, _out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, err });
      });
    });
    expect(ended).toEqual({ code: 0, err: "" });
    return JSON.parse(await readFile(file, "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const result = (title: string, baseline: string, better: "higher" | "lower") =>
  expect.objectContaining({
    case: title,
    baseline_name: baseline,
    better,
    ratio: expect.any(Number),
    runs: [expect.any(Number), expect.any(Number), expect.any(Number)],
  });

describe("npm run bench", () => {
  it("-- legacy-export measures pace and memory", { timeout: 180_000 }, async () => {
    expect(await runSmall("legacy-export")).toEqual([
      result("50 users", "plain load", "higher"),
      result("50 users", "sequential", "higher"),
      result("100 users", "plain load", "higher"),
      result("100 users", "sequential", "higher"),
      result("memory", "ours at 1x", "lower"),
    ]);
  });

  it("-- legacy-cutover measures fill and lock", { timeout: 180_000 }, async () => {
    expect(await runSmall("legacy-cutover")).toEqual([
      result("fill", "plain update", "higher"),
      result("longest exclusive lock", "the limit", "lower"),
    ]);
  });
});
