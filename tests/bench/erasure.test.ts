import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../house-rules/project.ts";

/** Runs the suite at a size whose figures say nothing, so that it is known to run. */
async function runSmall(file: string): Promise<{ code: number; err: string }> {
  const args = [
    join(root, "tools/deno.mjs"),
    "run",
    join(root, "bench/main.ts"),
    "erasure",
    "--json",
    file,
  ];
  const env = { ...process.env, HEIMDEX_BENCH_SIZE: "small" };
  return await new Promise((resolve) => {
    execFile("node", args, { cwd: root, env }, (error, _out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, err });
    });
  });
}

describe("npm run bench -- erasure", () => {
  it("measures growth, the longest transaction and a bystander", { timeout: 180_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
    try {
      const file = join(folder, "results.json");
      expect(await runSmall(file)).toEqual({ code: 0, err: "" });
      const results: unknown = JSON.parse(await readFile(file, "utf8"));
      expect(results).toEqual(
        [
          ["rows", "ours at 1x"],
          ["objects", "ours at 1x"],
          ["longest transaction", "the limit"],
          ["bystander", "at rest"],
        ].map(([title, baseline]) =>
          expect.objectContaining({
            name: "erasure",
            case: title,
            better: "lower",
            baseline_name: baseline,
            ratio: expect.any(Number),
            runs: [expect.any(Number), expect.any(Number), expect.any(Number)],
          })
        ),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
