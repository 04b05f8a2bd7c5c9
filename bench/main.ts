import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { type BenchResult, describeResult, runCase } from "./harness.ts";
import { suites } from "./suites.ts";

const USAGE_EXIT_CODE = 2;

function listSuites(): string {
  const lines = Object.entries(suites).map(([name, { description }]) =>
    `  ${name}  ${description}`
  );
  return ["Usage: npm run bench -- <suite>... [--json FILE]", "Suites:", ...lines].join("\n");
}

function readArguments(): { names: string[]; json: string | undefined } {
  const { values, positionals } = parseArgs({
    options: { json: { type: "string" } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !Object.hasOwn(suites, name));
  if (unknown.length > 0) throw new Error(`Unknown suite: ${unknown.join(", ")}`);
  if (positionals.length === 0) throw new Error("Name at least one suite");
  return { names: positionals, json: values.json };
}

async function runSuite(name: string): Promise<BenchResult[]> {
  const suite = suites[name];
  if (!suite) throw new Error(`Unknown suite: ${name}`);
  const { cases, close } = await suite.open();
  const results: BenchResult[] = [];
  try {
    for (const one of cases) {
      const result = await runCase(one);
      process.stdout.write(`${describeResult(result)}\n`);
      results.push(result);
    }
  } finally {
    await close();
  }
  return results;
}

let request: ReturnType<typeof readArguments>;
try {
  request = readArguments();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n${listSuites()}\n`);
  process.exit(USAGE_EXIT_CODE);
}
const results: BenchResult[] = [];
for (const name of request.names) results.push(...await runSuite(name));
if (request.json) await writeFile(request.json, `${JSON.stringify(results, null, 2)}\n`);
