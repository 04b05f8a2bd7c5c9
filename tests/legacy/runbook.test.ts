import { describe, expect, it } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { read } from "../house-rules/project.ts";

const runbook = read("docs/runbooks/legacy-migration.md");
const program = createProgram(
  { env: {}, version: "0.0.0", now: () => new Date(), out: () => {}, err: () => {} },
  () => {},
);

describe("the runbook of the legacy migration", () => {
  it("names every step of the move", () => {
    const verbs = program.commands.find((one) => one.name() === "legacy")?.commands ?? [];
    // A rehearsal makes its sample by the npm script of that name.
    const missing = verbs.map((verb) => verb.name())
      .filter((name) => name !== "sample" && !runbook.includes(`npx heimdex legacy ${name}`));
    expect(verbs.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });
});
