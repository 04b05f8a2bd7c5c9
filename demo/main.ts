import process from "node:process";
import { startTemporaryStack, type TemporaryStack } from "../local/temporary.ts";
import { runJourney, type StepRunner } from "./journey.ts";

const counts = { passed: 0, failed: 0 };
const begun = performance.now();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}

const step: StepRunner = async (title, run) => {
  const started = performance.now();
  try {
    const { value, note } = await run();
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
  await runJourney(stack, step);
  await step("the stack stops and its folder is gone", async () => ({ value: await stop() }));
} catch (error) {
  print(error instanceof Error ? error.stack ?? error.message : String(error));
  if (error instanceof Error && error.cause) print(`Because of: ${error.cause}`);
} finally {
  await temporary?.stop();
}
print(`took ${seconds(begun)}`);
print(`demo: ${counts.passed} steps passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 ? 1 : 0);
