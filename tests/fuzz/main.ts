import { readFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { startTemporaryStack } from "../../local/temporary.ts";
import { readDocument } from "./document.ts";
import { describeReport } from "./report.ts";
import { runFuzz } from "./run.ts";

const usage = "Usage: npm run fuzz -- [--requests <count>] [--seed <number>] [--parallel <count>]";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readNumber(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    print(usage);
    process.exit(2);
  }
  return value;
}

const { values } = parseArgs({
  options: {
    requests: { type: "string" },
    seed: { type: "string" },
    parallel: { type: "string" },
  },
});
const requests = readNumber(values.requests, 20_000);
const seed = readNumber(values.seed, Math.floor(Math.random() * 2 ** 31));
const parallel = readNumber(values.parallel, 6);
print(`fuzz: ${requests} requests, seed ${seed}`);

const { stack, functionsLog, stop } = await startTemporaryStack({
  name: "heimdex-fuzz",
  environment: { HEIMDEX_ERASURES_PER_HOUR: "100000" },
});
const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
let isClean = false;
try {
  const report = await runFuzz({
    document: await readDocument(),
    target: { ...stack, hasJobs: true },
    requests,
    seed,
    users: 12,
    parallel,
    onBatch: async (sent) => {
      // All of it comes from one machine: without this most answers would be refusals of a limit.
      await sql`delete from public.rate_limits`;
      process.stderr.write(`fuzz: ${sent} of ${requests}\n`);
    },
  });
  await sql.end();
  const logged = (await readFile(functionsLog, "utf8")).split("\n")
    .filter((line) => line.includes('"level":"error"'));
  const described = describeReport(report, logged);
  described.lines.forEach(print);
  isClean = described.isClean;
} finally {
  await stop();
}
process.exit(isClean ? 0 : 1);
