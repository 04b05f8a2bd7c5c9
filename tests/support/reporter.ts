import { writeSync } from "node:fs";
import { DefaultReporter } from "vitest/node";

type ModuleEndArguments = Parameters<DefaultReporter["onTestRunEnd"]>;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The sentence every run ends with: `N passed, N failed`, and `, N skipped` only if there are any. */
export function lastLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/**
 * Vitest's own report, followed by one countable line.
 *
 * The line is written when the process exits, because the stack that global setup started is
 * stopped after the report and may still have something to say.
 */
export class LastLineReporter extends DefaultReporter {
  #counts: Counts | undefined;

  constructor() {
    super({ summary: false });
    process.once("exit", (code) => {
      const counts = this.#counts ?? { passed: 0, failed: 0, skipped: 0 };
      // A run that died before or after its tests has failed even when no test says so.
      if (code !== 0 && counts.failed === 0) counts.failed = 1;
      writeSync(1, `${lastLine(counts)}\n`);
    });
  }

  override onTestRunEnd(...[modules, errors, reason]: ModuleEndArguments): void {
    super.onTestRunEnd(modules, errors, reason);
    const counts: Counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "failed") failedTests++;
        else if (result.state === "passed") counts.passed++;
        else counts.skipped++;
        if (result.state === "skipped" && result.note) {
          this.log(`skipped: ${test.fullName}: ${result.note}`);
        }
      }
      // A file that cannot be loaded, or whose hook fails, has no failing test of its own.
      counts.failed += failedTests > 0 ? failedTests : module.state() === "failed" ? 1 : 0;
    }
    this.#counts = counts;
  }
}
