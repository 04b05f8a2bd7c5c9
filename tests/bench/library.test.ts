import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../house-rules/project.ts";

/** Runs both suites at a size whose figures say nothing, so that they are known to run. */
async function runSmall(file: string): Promise<{ code: number; err: string }> {
  const bench = [join(root, "tools/deno.mjs"), "run", join(root, "bench/main.ts")];
  const env = { ...process.env, HEIMDEX_BENCH_SIZE: "small" };
  return await new Promise((resolve) => {
    const args = [...bench, "search", "videos", "--json", file];
    execFile("node", args, { cwd: root, env }, (error, _out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, err });
    });
  });
}

const cases = [
  ["search", "heavy", "original"],
  ["search", "heavy p50", "original"],
  ["search", "heavy p95", "original"],
  ["search", "median", "original"],
  ["search", "median p50", "original"],
  ["search", "median p95", "original"],
  ["search", "common word", "original"],
  ["search", "rls", "owner filter by hand, no RLS"],
  ["search", "growth", "ours at 1x"],
  ["videos", "page 500", "page 1"],
  ["videos", "heavy", "a median user"],
  ["videos", "growth", "ours at 1x"],
  ["videos", "scenes of a video", "ours at 1x"],
];

describe("npm run bench -- search videos", () => {
  it("seeds libraries and measures every case", { timeout: 240_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
    try {
      const file = join(folder, "results.json");
      expect(await runSmall(file)).toEqual({ code: 0, err: "" });
      const results: unknown = JSON.parse(await readFile(file, "utf8"));
      expect(results).toEqual(cases.map(([name, title, baseline]) =>
        expect.objectContaining({
          name,
          case: title,
          baseline_name: baseline,
          ratio: expect.any(Number),
          runs: Array.from({ length: title === "rls" ? 15 : 7 }, () => expect.any(Number)),
        })
      ));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
