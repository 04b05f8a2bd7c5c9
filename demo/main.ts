import { readFile } from "node:fs/promises";
import process from "node:process";
import { startTemporaryStack, type TemporaryStack } from "../local/temporary.ts";
import { runJourney, type StepRunner } from "./journey.ts";

const STEP_TIMEOUT_MS = 60_000;
const LOG_LINES = 5;

const counts = { passed: 0, failed: 0 };
const begun = performance.now();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}

/** Ends a step that never answers. */
function tooLong(): Promise<never> {
  return new Promise((_resolve, reject) => {
    const sentence = `The step took longer than ${STEP_TIMEOUT_MS / 1000} s`;
    setTimeout(() => reject(new Error(sentence)), STEP_TIMEOUT_MS).unref();
  });
}

/** The newest lines of the functions' log: what the server says of the step that failed. */
async function readLog({ functionsLog }: TemporaryStack): Promise<string> {
  const text = await readFile(functionsLog, "utf8").catch(() => "nothing that is still there");
  return text.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
}

const step: StepRunner = async (title, run) => {
  const started = performance.now();
  try {
    const { value, note } = await Promise.race([run(), tooLong()]);
    counts.passed++;
    print(`ok    ${seconds(started).padStart(7)}  ${title}${note ? ` (${note})` : ""}`);
    return value;
  } catch (error) {
    counts.failed++;
    print(`fail  ${seconds(started).padStart(7)}  ${title}`);
    throw error;
  }
};

let temporary: TemporaryStack | undefined;
try {
  const { stack, stop } = await step(
    "the stack starts on free ports, in a temporary folder",
    async () => {
      const value = await startTemporaryStack({ name: "heimdex-demo" });
      temporary = value;
      return { value, note: value.stack.url };
    },
  );
  const { HEIMDEX_RECEIPT_KEY: receiptKey = "" } = stack.environment;
  await runJourney({ ...stack, receiptKey }, step);
  await step("the stack stops and its folder is gone", async () => ({ value: await stop() }));
} catch (error) {
  print(error instanceof Error ? error.stack ?? error.message : String(error));
  if (error instanceof Error && error.cause) print(`Because of: ${error.cause}`);
  if (temporary) print(`The functions logged last:\n${await readLog(temporary)}`);
} finally {
  await temporary?.stop();
}
print(`took ${seconds(begun)}`);
print(`demo: ${counts.passed} steps passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 ? 1 : 0);
