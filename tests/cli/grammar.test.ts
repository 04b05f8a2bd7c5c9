import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { paint, wantsColour } from "../../cli/colour.ts";
import { type CliContext, exitCodeMeanings, exitCodes } from "../../cli/context.ts";
import { checks } from "../../cli/doctor/checks.ts";
import { createProgram } from "../../cli/program.ts";
import { thresholds } from "../../cli/status/thresholds.ts";

const written: string[] = [];
const context: CliContext = {
  env: {},
  version: "0.0.0",
  now: () => new Date(),
  out: (text) => void written.push(text),
  err: (text) => void written.push(text),
};

const singles = ["status", "stats", "doctor"];
const program = createProgram(context, () => {});
const leaves = program.commands.flatMap((command) =>
  command.commands.length > 0
    ? command.commands.map((verb) => ({ name: `${command.name()} ${verb.name()}`, command: verb }))
    : [{ name: command.name(), command }]
);

/** The help as a person reads it, the examples behind it included. */
function helpOf(command: Command): string {
  written.length = 0;
  command.outputHelp();
  return written.join("\n");
}

describe("the grammar of heimdex", () => {
  it("is a noun and a verb, but for what looks at the whole project", () => {
    const alone = program.commands.filter((command) => command.commands.length === 0);
    expect(alone.map((command) => command.name()).sort()).toEqual([...singles].sort());
    expect(leaves.map(({ name }) => name).filter((name) => !/^[a-z]+( [a-z]+)?$/.test(name)))
      .toEqual([]);
    const deep = program.commands.flatMap((noun) => noun.commands)
      .filter((verb) => verb.commands.length > 0);
    expect(deep).toEqual([]);
  });

  it.each(program.commands.map((command) => [command.name(), command] as const))(
    "says what %s is",
    (_name, command) => expect(command.description()).toMatch(/^[A-Z].+[^.]$/),
  );

  it.each(leaves)("$name says what it does, shows examples of itself and writes JSON", ({
    name,
    command,
  }) => {
    expect(command.description()).toMatch(/^[A-Z].+[^.]$/);
    const help = helpOf(command);
    const [, examples = ""] = help.split("\nExamples:\n");
    expect(examples).toMatch(new RegExp(`^  \\$ .*heimdex ${name}\\b`, "m"));
    for (const line of examples.trimEnd().split("\n")) expect(line).toMatch(/^ {2}\$ /);
    expect(command.options.map(({ long }) => long)).toContain("--json");
  });

  it.each(leaves)("$name names only options it has in its examples", ({ name, command }) => {
    const known = command.options.map(({ long }) => long);
    const examples = helpOf(command).split("\nExamples:\n")[1] ?? "";
    const own = examples.split("\n").filter((line) => line.includes(`heimdex ${name}`));
    for (const line of own) {
      const said = line.slice(line.indexOf(`heimdex ${name}`)).split(/[|>]/)[0] ?? "";
      for (const [option] of said.matchAll(/(?<= )--[a-z-]+/g)) {
        expect(known, line).toContain(option);
      }
    }
  });

  it("asks for --yes where something is destroyed for good", () => {
    const asking = leaves.filter(({ command }) =>
      command.options.some(({ long }) => long === "--yes")
    );
    expect(asking.map(({ name }) => name)).toEqual(expect.arrayContaining([
      "erasure release",
      "erasure reapply",
      "orphans erase",
      "legacy rollback",
      "legacy purge",
    ]));
  });
});

describe("docs/operations.md", () => {
  const readPage = () => readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");

  it("lists the exit codes of the command, and no others", async () => {
    const rows = [...(await readPage()).matchAll(/^\| `(\d)`\s+\| (.+?)\s+\|/gm)]
      .map(([, code, meaning]) => [Number(code), meaning]);
    const expected = Object.entries(exitCodes)
      .map(([name, code]) => [code, exitCodeMeanings[name as keyof typeof exitCodes]]);
    expect(rows).toEqual(expected);
  });

  it("lists the thresholds of the status with their defaults", async () => {
    const text = await readPage();
    for (const { option, standard } of thresholds) {
      expect(text).toMatch(new RegExp(`^\\| \`--${option}\` +\\| ${standard} +\\|`, "m"));
    }
  });

  it("names every command, and every check of the doctor", async () => {
    const text = await readPage();
    expect(leaves.filter(({ name }) => !text.includes(`\`heimdex ${name}`)).map(({ name }) => name))
      .toEqual([]);
    expect(checks.filter(({ id }) => !text.includes(`\`${id}\``)).map(({ id }) => id)).toEqual([]);
  });
});

describe("colours", () => {
  it.each([
    { terminal: true, env: {}, colours: true },
    { terminal: false, env: {}, colours: false },
    { terminal: true, env: { NO_COLOR: "1" }, colours: false },
    { terminal: true, env: { NO_COLOR: "" }, colours: true },
    { terminal: true, env: { TERM: "dumb" }, colours: false },
  ])("are $colours for a terminal $terminal with $env", ({ terminal, env, colours }) => {
    expect(wantsColour(terminal, env)).toBe(colours);
  });

  it("are escape sequences on a terminal and nothing elsewhere", () => {
    expect(paint({ ...context, colour: true }, "red", "over")).toBe("\u001b[31mover\u001b[39m");
    expect(paint(context, "red", "over")).toBe("over");
  });
});
