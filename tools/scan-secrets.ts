import process from "node:process";
import { fileURLToPath } from "node:url";
import { allowed } from "./secrets/allowed.ts";
import { scanHistory } from "./secrets/scan.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Enough to find it, too little to use it. */
function shorten(match: string): string {
  return `${match.slice(0, 12).replaceAll(/\s/g, " ")}... (${match.length} characters)`;
}

const { read, reports, excused } = await scanHistory(root);
for (const { path, line, id, rule, match } of reports) {
  print(`${path}:${line} (${id.slice(0, 12)}) ${rule}: ${shorten(match)}`);
}
for (const [{ reason }, count] of excused) print(`allowed ${count} times: ${reason}`);
const idle = allowed.filter((one) => !excused.has(one));
for (const { match } of idle) print(`the allow-list has ${match}, which excuses nothing`);
print(`scan:secrets: ${read} versions and messages, ${reports.length} secrets`);
process.exit(reports.length + idle.length > 0 ? 1 : 0);
