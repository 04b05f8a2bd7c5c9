import { describe, expect, it } from "vitest";
import { exists, projectFiles, read } from "./project.ts";

const [, table = ""] = read("docs/security.md").split("## Every check and its test");
const rows = table.split("\n").filter((line) => /^\| (?!-|check )/.test(line))
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

/** Names in backticks. */
const filesOf = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");

describe("the table of checks in docs/security.md", () => {
  it("names a place and a test for each, and all of them exist", () => {
    expect(rows.length).toBeGreaterThan(40);
    for (const [check = "", places, tests] of rows) {
      expect(check).not.toBe("");
      const named = [filesOf(places), filesOf(tests)];
      expect(named.every((files) => files.length > 0), check).toBe(true);
      expect(named.flat().filter((file) => !exists(file)), check).toEqual([]);
      expect(filesOf(tests).filter((file) => !/^tests\/.+\.ts$/.test(file)), check).toEqual([]);
    }
  });

  it("has every test of the security suites", () => {
    const named = new Set(rows.flatMap(([, , tests]) => filesOf(tests)));
    const suites = projectFiles().filter((path) =>
      /^tests\/(security|fuzz|supply-chain|shared\/(auth|limits|audit))\/.+\.test\.ts$/.test(path)
    );
    expect(suites.filter((path) => !named.has(path))).toEqual([]);
  });
});
