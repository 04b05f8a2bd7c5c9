import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it } from "vitest";
import { suites } from "../../bench/suites.ts";
import { root } from "../house-rules/project.ts";
import { isLongRun } from "../support/size.ts";

interface SmallRun {
  suites: string[];
  /** Whether the sampled run starts it too: a suite with a stack of its own takes long to stand up. */
  sampled: boolean;
  /** Suite, case and baseline of every line, in their order. */
  lines: [name: string, title: string, baseline: string][];
}

/** Routes of the journey, in its order. */
const journey = [
  "GET /me",
  "GET /me/usage",
  "POST /videos/upload/init",
  "GET /videos",
  "GET /videos/:id",
  "GET /videos/:id/status",
  "GET /videos/:id/scenes",
  "PATCH /videos/:id",
  "GET /search",
  "POST /people",
  "GET /people",
  "GET /people/:id",
];

const smallRuns: SmallRun[] = [
  {
    suites: ["search", "videos"],
    sampled: false,
    lines: [
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
    ],
  },
  {
    suites: ["auth"],
    sampled: false,
    lines: [
      ["auth", "GET /me", "constant user"],
      ["auth", "GET /me", "bare hono"],
      ["auth", "GET /me", "@supabase/server"],
      ["auth", "GET /me, new tokens", "@supabase/server"],
      ["auth", "GET /me", "getUser"],
      ["auth", "GET /me", "users query"],
      ["auth", "queries per request", "users query"],
      ["auth", "new tokens, 16 at once", "crypto.subtle.verify alone"],
    ],
  },
  {
    suites: ["token-cache"],
    sampled: false,
    lines: [
      ["token-cache", "40000 distinct tokens", "ours at 1x"],
      ["token-cache", "400 real tokens", "ours at 1x"],
    ],
  },
  {
    suites: ["routes"],
    sampled: false,
    lines: [
      ["routes", "GET /videos through the function", "postgres.js alone"],
      ...journey.flatMap((name): [string, string, string][] => [
        ["routes", `${name} p50`, "GET /me"],
        ["routes", `${name} p95`, "GET /me"],
        ["routes", `${name} queries`, "opening, one statement, commit"],
      ]),
    ],
  },
  {
    suites: ["cold-start"],
    sampled: false,
    lines: [
      ["cold-start", "me", "bare hono"],
      ["cold-start", "me, a user", "bare hono"],
      ["cold-start", "me, as source", "bare hono"],
    ],
  },
  {
    suites: ["load"],
    sampled: false,
    lines: [
      ["load", "answers other than 5xx, or 503 with Retry-After", "all answers"],
      ["load", "accepted per second", "the sustainable rate"],
      ["load", "p99 of accepted", "at the sustainable rate"],
      ["load", "memory in the last minute", "in the second minute"],
    ],
  },
  {
    suites: ["erasure"],
    sampled: false,
    lines: [
      ["erasure", "rows", "ours at 1x"],
      ["erasure", "objects", "ours at 1x"],
      ["erasure", "longest transaction", "the limit"],
      ["erasure", "bystander", "at rest"],
    ],
  },
  {
    suites: ["legacy-export"],
    sampled: false,
    lines: [
      ["legacy-export", "50 users", "plain load"],
      ["legacy-export", "50 users", "sequential"],
      ["legacy-export", "100 users", "plain load"],
      ["legacy-export", "100 users", "sequential"],
      ["legacy-export", "memory", "ours at 1x"],
    ],
  },
  {
    suites: ["legacy-cutover"],
    sampled: false,
    lines: [
      ["legacy-cutover", "fill", "plain update"],
      ["legacy-cutover", "longest exclusive lock", "the limit"],
    ],
  },
];

/** Runs suites at a size whose figures say nothing, so that they are known to run. */
async function runSmall(suites: string[]): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-"));
  const file = join(folder, "results.json");
  const main = join(root, "bench/main.ts");
  const args = [join(root, "tools/deno.mjs"), "run", main, ...suites, "--json", file];
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

describe("npm run bench", () => {
  it("has a small run of every suite but verify", () => {
    const tried = smallRuns.flatMap((run) => run.suites);
    expect([...tried, "verify"].sort()).toEqual(Object.keys(suites).sort());
  });

  for (const { suites, lines } of smallRuns.filter(({ sampled }) => sampled || isLongRun)) {
    it(`-- ${suites.join(" ")} measures every case`, { timeout: 240_000 }, async () => {
      expect(await runSmall(suites)).toEqual(
        lines.map(([name, title, baseline]) =>
          expect.objectContaining({
            name,
            case: title,
            baseline_name: baseline,
            ratio: expect.any(Number),
            runs: expect.arrayContaining([expect.any(Number)]),
          })
        ),
      );
    });
  }
});
