import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type BenchCase, median, runCase } from "../../bench/harness.ts";
import { root } from "../house-rules/project.ts";

const resultSchema = z.strictObject({
  name: z.string().min(1),
  case: z.string().min(1),
  unit: z.string().min(1),
  better: z.enum(["higher", "lower"]),
  ours: z.number().positive(),
  baseline: z.number().positive(),
  baseline_name: z.string().min(1),
  ratio: z.number().positive(),
  runs: z.array(z.number().positive()).min(5),
  machine: z.string().min(1),
});

describe("median", () => {
  it("is the middle value whatever the order", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 9, 1, 2])).toBe(5.5);
    expect(median([4])).toBe(4);
  });

  it("refuses an empty list", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("runCase", () => {
  function recordedCase(overrides: Partial<BenchCase> = {}) {
    const calls: string[] = [];
    let value = 0;
    const measure = (side: string) => () => {
      calls.push(side);
      return Promise.resolve(side === "ours" ? ++value : 2);
    };
    const one: BenchCase = {
      name: "harness",
      case: "recorded",
      unit: "ms",
      better: "lower",
      baselineName: "two",
      ours: measure("ours"),
      baseline: measure("baseline"),
      ...overrides,
    };
    return { one, calls };
  }

  it("warms both sides up, then takes them in turn and lets each begin every other round", async () => {
    const { one, calls } = recordedCase({ runs: 5 });
    await runCase(one);
    const round = ["ours", "baseline", "baseline", "ours"];
    expect(calls).toEqual(["ours", "baseline", ...round, ...round, "ours", "baseline"]);
  });

  it("reports medians, the ratio and every run but the warm-up", async () => {
    const { one } = recordedCase({ runs: 5 });
    const result = resultSchema.parse(await runCase(one, "a machine"));
    expect(result).toMatchObject({ ours: 4, baseline: 2, ratio: 2, runs: [2, 3, 4, 5, 6] });
    expect(result.machine).toBe("a machine");
  });

  it("refuses too few runs, and takes three where the data is destroyed", async () => {
    await expect(runCase(recordedCase({ runs: 4 }).one)).rejects.toThrow("5 are due");
    const { one } = recordedCase({ runs: 3, destructive: true });
    expect((await runCase(one)).runs).toHaveLength(3);
  });
});

describe("npm run bench", () => {
  function bench(args: string[]): Promise<{ code: number; err: string }> {
    const command = [join(root, "tools/deno.mjs"), "run", join(root, "bench/main.ts"), ...args];
    return new Promise((resolve) => {
      execFile("node", command, { cwd: root }, (error, _out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, err });
      });
    });
  }

  it("writes results of this shape to --json", async () => {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
    try {
      const file = join(folder, "results.json");
      expect(await bench(["verify", "--json", file])).toEqual({ code: 0, err: "" });
      const results = z.array(resultSchema).parse(JSON.parse(await readFile(file, "utf8")));
      expect(results.map((result) => result.name)).toContain("verify");
      for (const { ours, baseline, ratio } of results) {
        expect(ratio).toBeCloseTo(ours / baseline, 3);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each([{ args: ["nothing"] }, { args: [] }, { args: ["verify", "--fast"] }])(
    "exits 2 with the list of suites for $args",
    async ({ args }) => {
      const { code, err } = await bench(args);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/Suites:\n {2}verify/) });
    },
  );
});
