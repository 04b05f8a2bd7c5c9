import process from "node:process";
import { mutateDatabase, mutateVectorTables } from "./database.ts";
import { formatVerdict, summarise, type Verdict } from "./report.ts";
import { mutateSources } from "./sources.ts";

/**
 * `npm run test:mutations`: takes out one check, policy, grant or trigger after another and shows
 * which test notices. Exit code 1 when one goes unnoticed. A name of `parts` runs that one alone.
 */
const parts = { database: mutateDatabase, vectors: mutateVectorTables, sources: mutateSources };
const asked = process.argv.slice(2);
const verdicts: Verdict[] = [];
const tell = (verdict: Verdict) => {
  verdicts.push(verdict);
  process.stdout.write(`${formatVerdict(verdict)}\n`);
};

for (const [name, mutate] of Object.entries(parts)) {
  if (asked.length === 0 || asked.includes(name)) await mutate(tell);
}
process.stdout.write(`${summarise(verdicts)}\n`);
process.exit(verdicts.every(({ killer }) => killer) ? 0 : 1);
