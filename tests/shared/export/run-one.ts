// A process of its own: tests measure its memory, or kill it.
import { readEnv } from "../../../shared/env.ts";
import type { ExportOptions } from "../../../shared/export/context.ts";
import { runExport } from "../../../shared/export/run-exports.ts";
import { createDeps } from "../../../shared/http/deps.ts";

/** What the parent sends as the one argument, in JSON. */
export interface Order {
  environment: Record<string, string>;
  exportId: string;
  sizes: Pick<ExportOptions, "partBytes" | "pageRows" | "pageBytes">;
  /** Says so on stdout and waits for its end at this point, the `times`-th time it is reached. */
  hangAt?: { point: string; times: number };
}

/** The last line of stdout. `peak` is the resident memory in bytes, the whole process counted. */
export interface Report {
  outcome: string | undefined;
  peak: number;
  pages: number;
}

async function main({ environment, exportId, sizes, hangAt }: Order): Promise<Report> {
  const deps = { ...createDeps(readEnv(environment)), log: () => {} };
  const report: Report = { outcome: undefined, peak: 0, pages: 0 };
  let passed = 0;
  report.outcome = await runExport(deps, exportId, new Date(Date.now() + 600_000), {
    ...sizes,
    onPoint: async (point) => {
      if (point === "page") report.pages += 1;
      report.peak = Math.max(report.peak, Deno.memoryUsage().rss);
      if (point !== hangAt?.point || ++passed < hangAt.times) return;
      await say("reached");
      await new Promise(() => setInterval(() => {}, 1000));
    },
  });
  await deps.database.close();
  return report;
}

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await say(JSON.stringify(await main(JSON.parse(Deno.args[0] ?? "{}"))));
