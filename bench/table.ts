// Prints the results of `npm run bench -- ... --json FILE` as a table for the README:
// `npm run bench:table -- FILE...`

import { readFile } from "node:fs/promises";
import process from "node:process";
import type { BenchResult } from "./harness.ts";

/** Enough digits to compare, no more than a figure is worth. */
function show(value: number): string {
  if (!Number.isFinite(value)) return "";
  return value >= 1000 ? Math.round(value).toLocaleString("en") : String(+value.toPrecision(3));
}

const results: BenchResult[] = [];
for (const file of process.argv.slice(2)) results.push(...JSON.parse(await readFile(file, "utf8")));
const [first] = results;
if (!first) {
  process.stderr.write("Name one or more files that `npm run bench -- ... --json FILE` wrote\n");
  process.exit(2);
}
const lines = results.map((one) =>
  `| \`${one.name}\` | ${one.case} | ${show(one.ours)} ${one.unit} | ` +
  `${one.baseline_name}: ${show(one.baseline)} | ${show(one.ratio)} | ${one.better} |`
);
process.stdout.write([
  "| suite | case | ours | baseline | ratio | better |",
  "| --- | --- | --- | --- | --- | --- |",
  ...lines,
  "",
  `${first.machine}, ${new Date().toISOString().slice(0, 10)}.`,
  "",
].join("\n"));
