import process from "node:process";
import { createInterface } from "node:readline/promises";
import manifest from "../package.json" with { type: "json" };
import { wantsColour } from "./colour.ts";
import { runProgram } from "./program.ts";

process.exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  version: manifest.version,
  now: () => new Date(),
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  colour: wantsColour(process.stdout.isTTY, process.env),
  ...(process.stderr.isTTY ? { terminal: process.stderr } : {}),
  ...(process.stdin.isTTY && process.stderr.isTTY ? { confirm } : {}),
});

async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
