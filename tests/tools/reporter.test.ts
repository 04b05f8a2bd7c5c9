import { describe, expect, it } from "vitest";
import { type CountedModule, countTests, lastLine } from "../support/reporter.ts";

function file(state: ReturnType<CountedModule["state"]>, ...tests: string[]): CountedModule {
  const results = tests.map((one) => ({ result: () => ({ state: one }) }));
  return { state: () => state, children: { allTests: () => results } };
}

describe("the last line of a run", () => {
  it("counts tests over all files", () => {
    const files = [file("passed", "passed", "passed", "skipped"), file("failed", "failed")];
    expect(lastLine(countTests(files, 0), 1)).toBe("2 passed, 1 failed, 1 skipped");
  });

  it("says nothing of skipped tests when there are none", () => {
    expect(lastLine(countTests([file("passed", "passed")], 0), 0)).toBe("1 passed, 0 failed");
  });

  it("counts a file that cannot be loaded, and errors outside of tests", () => {
    expect(countTests([file("failed")], 2)).toEqual({ passed: 0, failed: 3, skipped: 0 });
    expect(countTests([file("failed", "passed")], 0)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  it("says failed when the run itself ended badly", () => {
    expect(lastLine(countTests([], 0), 130)).toBe("0 passed, 1 failed");
  });
});
