import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { bundle } from "./cold-start/bundle.ts";
import { fixedEnvironment } from "./cold-start/environment.ts";
import {
  bareRequest,
  type FirstRequest,
  firstRequests,
  profileRequest,
} from "./cold-start/first-requests.ts";
import { signIn } from "./cold-start/sign-in.ts";
import { timeStart } from "./cold-start/time-start.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";

/** Starts in one run, of which the median counts. */
const starts = isSmall ? 1 : 5;

type Name = keyof typeof firstRequests;

const names = (isSmall ? ["me"] : Object.keys(firstRequests)) as Name[];
/** Functions that are started from their source as well, as `npm start` runs them. */
const fromSource: Name[] = isSmall ? ["me"] : ["me", "videos"];

const project = new URL("../../", import.meta.url).pathname;
const bare = join(project, "bench/suites/cold-start/bare-function.ts");
const sourceOf = (name: Name) => join(project, `supabase/functions/${name}/index.ts`);

/** From the start of a process to its first answer. */
export const coldStartSuite: BenchSuite = {
  description: "process start to first answer of each function: against a bare Hono function",
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-cold-start-"));
    const { token, env } = await signIn(fixedEnvironment);
    const bundledBare = await bundle(bare, join(folder, "bare"));
    const bundled = new Map<Name, string>();
    for (const name of names) bundled.set(name, await bundle(sourceOf(name), join(folder, name)));
    const compare = (title: string, entry: string, request: FirstRequest, baseline: string) => ({
      name: "cold-start",
      case: title,
      unit: "ms",
      better: "lower",
      baselineName: "bare hono",
      ours: () => timeStarts(entry, request, env),
      baseline: () => timeStarts(baseline, bareRequest, env),
    } satisfies BenchCase);
    const cases = [
      ...[...bundled].map(([name, entry]) =>
        compare(name, entry, firstRequests[name], bundledBare)
      ),
      compare("me, a user", bundled.get("me") ?? "", profileRequest(token), bundledBare),
      ...fromSource.map((name) =>
        compare(`${name}, as source`, sourceOf(name), firstRequests[name], bare)
      ),
    ];
    return { cases, close: () => rm(folder, { recursive: true }) };
  },
};

async function timeStarts(
  entry: string,
  request: FirstRequest,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < starts; count++) times.push(await timeStart(entry, request, env));
  return times.toSorted((a, b) => a - b)[Math.floor(starts / 2)] ?? NaN;
}
