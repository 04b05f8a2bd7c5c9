import { writeSync } from "node:fs";
import { DefaultReporter, type TestModule } from "vitest/node";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What counting needs of vitest's modules. */
export type CountedModule =
  & { state(): ReturnType<TestModule["state"]> }
  & { children: { allTests(): Iterable<{ result(): { state: string } }> } };

/** Counts tests; errors outside of tests and files that cannot be run count as failed. */
export function countTests(modules: Iterable<CountedModule>, errors: number): Counts {
  const counts: Counts = { passed: 0, failed: errors, skipped: 0 };
  for (const module of modules) {
    let failedTests = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "failed") failedTests++;
      else if (state === "passed") counts.passed++;
      else counts.skipped++;
    }
    // A file that cannot be loaded, or whose hook fails, has no failing test of its own.
    counts.failed += failedTests > 0 ? failedTests : module.state() === "failed" ? 1 : 0;
  }
  return counts;
}

/** Tests that skipped themselves with a reason: a run says what it did not look at. */
function* skipReasons(modules: Iterable<TestModule>): Iterable<string> {
  for (const module of modules) {
    for (const test of module.children.allTests("skipped")) {
      const result = test.result();
      const note = "note" in result ? result.note : undefined;
      if (note) yield `${test.fullName}: ${note}`;
    }
  }
}

/** The sentence every run ends with: `N passed, N failed`, and `, N skipped` only if there are any. */
export function lastLine(counts: Counts, exitCode: number): string {
  const { passed, skipped } = counts;
  // A run that died before or after its tests has failed even when no test says so.
  const failed = counts.failed === 0 && exitCode !== 0 ? 1 : counts.failed;
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Vitest's own report, followed by one countable line.
 *
 * The line is written when the process exits, because the stack that global setup started is
 * stopped after the report and may still have something to say.
 */
export class LastLineReporter extends DefaultReporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  constructor() {
    super({ summary: false });
    process.once("exit", (code) => {
      writeSync(1, `${lastLine(this.#counts, code)}\n`);
    });
  }

  override onTestRunEnd(...args: Parameters<DefaultReporter["onTestRunEnd"]>): void {
    super.onTestRunEnd(...args);
    const [modules, errors] = args;
    this.#counts = countTests(modules, errors.length);
    for (const reason of skipReasons(modules)) this.log(` skipped: ${reason}`);
  }
}
