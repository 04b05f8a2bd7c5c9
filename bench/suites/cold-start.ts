import process from "node:process";
import { runFlags } from "../../tools/deno.mjs";
import type { BenchCase, BenchSuite } from "../harness.ts";
import { fixedEnvironment } from "./cold-start/environment.ts";

const isSmall = process.env.HEIMDEX_BENCH_SIZE === "small";

/** Starts in one run, of which the median counts. */
const starts = isSmall ? 1 : 3;

const functions = isSmall
  ? ["me"]
  : ["me", "videos", "search", "people", "auth-onboarding", "auth-webhook"];
const project = new URL("../../", import.meta.url).pathname;
const bare = new URL("./cold-start/bare-function.ts", import.meta.url).pathname;
const longestStart = 30_000;

/** From the start of a process to its first answer. */
export const coldStartSuite: BenchSuite = {
  description: "process start to first answer of each function: against a bare Hono function",
  open() {
    const cases = functions.map((name): BenchCase => ({
      name: "cold-start",
      case: name,
      unit: "ms",
      better: "lower",
      baselineName: "bare hono",
      ours: () => timeStarts(`${project}supabase/functions/${name}/index.ts`),
      baseline: () => timeStarts(bare),
    }));
    return Promise.resolve({ cases, close: () => Promise.resolve() });
  },
};

async function timeStarts(entry: string): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < starts; count++) times.push(await timeStart(entry));
  return times.toSorted((a, b) => a - b)[Math.floor(starts / 2)] ?? NaN;
}

/** Milliseconds until the first answer, whatever it says: 404 where nobody may do anything. */
async function timeStart(entry: string): Promise<number> {
  const port = takeFreePort();
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...runFlags, entry],
    env: { ...fixedEnvironment, DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` },
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    while (!await isAnswered(port)) {
      if (performance.now() - started > longestStart) throw new Error(`${entry} did not start`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - started;
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

function takeFreePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

const request = new TextEncoder().encode(
  "GET /no-such-route HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n",
);

async function isAnswered(port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(request);
    return await connection.read(new Uint8Array(1024)) !== null;
  } catch {
    return false;
  }
}
