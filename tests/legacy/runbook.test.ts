import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { read } from "../house-rules/project.ts";

const runbook = read("docs/runbooks/legacy-migration.md");
const scripts: Record<string, string> = JSON.parse(read("package.json")).scripts;
const program = createProgram(
  { env: {}, version: "0.0.0", now: () => new Date(), out: () => {}, err: () => {} },
  () => {},
);

/** What the runbook tells its reader to type, from blocks and tables alike. */
const commandLines = [...runbook.matchAll(/npx heimdex ([^`\n|#&;]+)/g)].map(([, line = ""]) =>
  line.replace(/ > .*/, "").trim().replaceAll(/\s+/g, " ")
);

function find(words: string[]): { command: Command; rest: string[] } {
  let command = program;
  const rest = [...words];
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (!next) return { command, rest };
    command = next;
    rest.shift();
  }
}

describe("the runbook of the legacy migration", () => {
  it("names every step of the move", () => {
    const verbs = program.commands.find((one) => one.name() === "legacy")?.commands ?? [];
    const named = new Set(commandLines.map((line) => line.split(" ")[1]));
    // A rehearsal makes its sample by the npm script of that name.
    const missing = verbs.map((verb) => verb.name())
      .filter((name) => name !== "sample" && !named.has(name));
    expect(verbs.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  it.each([...new Set(commandLines)])("npx heimdex %s is a command that exists", (line) => {
    const { command, rest } = find(line.split(" "));
    expect(command.commands).toEqual([]);
    const known = command.options.flatMap(({ long, short }) => [long, short]);
    expect(known).toEqual(
      expect.arrayContaining(rest.filter((word) => word.startsWith("-"))),
    );
  });

  it.each([...new Set([...runbook.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name))])(
    "npm run %s is a script that exists",
    (name) => {
      expect(scripts).toHaveProperty([name]);
    },
  );
});
