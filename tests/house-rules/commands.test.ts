import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../cli/program.ts";
import { projectFiles, read, root } from "./project.ts";

const scripts: Record<string, string> = JSON.parse(read("package.json")).scripts;
const program = createProgram(
  { env: {}, version: "0.0.0", now: () => new Date(), out: () => {}, err: () => {} },
  () => {},
);

/** Documents, workflows and the gate: wherever somebody is told what to type. */
const texts = projectFiles().filter((path) =>
  path.endsWith(".md") || path.startsWith(".github/") || path === ".ci/run"
);

/** Every match of a pattern's first group, with line continuations joined, each once. */
function findCommands(pattern: RegExp): string[] {
  const found = texts.flatMap((path) =>
    [...read(path).replaceAll(/\\\n\s*/g, "").matchAll(pattern)].map(([, line = ""]) =>
      line.replace(/ [>|] .*/, "").trim().replaceAll(/\s+/g, " ")
    )
  );
  return [...new Set(found)].sort();
}

const heimdexLines = findCommands(/npx heimdex ([^`\n|#&;]+)/g);

/** Flags by command of the Supabase CLI, which takes a second to start. */
const supabaseFlags = new Map<string, string[]>();
for (const line of findCommands(/npx supabase ([^`\n|#&;"]+)/g)) {
  const [command = ""] = /^[a-z]+( [a-z]+)*(?= |$)/.exec(line) ?? [];
  const flags = line.match(/--[a-z-]+/g) ?? [];
  supabaseFlags.set(command, [...supabaseFlags.get(command) ?? [], ...flags]);
}

function findCommand(words: string[]): { command: Command; rest: string[] } {
  let command = program;
  const rest = [...words];
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (!next) return { command, rest };
    command = next;
    rest.shift();
  }
}

describe("what documents and workflows tell to type", () => {
  it.each(findCommands(/npm run (?:--silent )?([\w:]+)/g))("npm run %s is a script", (name) => {
    expect(scripts).toHaveProperty([name]);
  });

  it.each(heimdexLines)("npx heimdex %s is a command", (line) => {
    const { command, rest } = findCommand(line.split(" "));
    expect(command.commands).toEqual([]);
    const known = [
      "--help",
      ...command.options.flatMap(({ long, short }) => [long, short]),
    ];
    expect(known).toEqual(expect.arrayContaining(rest.filter((word) => word.startsWith("-"))));
  });

  it.each([...supabaseFlags])("npx supabase %s is a command", async (command, flags) => {
    const help = await new Promise<string>((resolve, reject) => {
      const args = [...command.split(" "), "--help"];
      execFile(join(root, "node_modules/.bin/supabase"), args, (error, stdout) => {
        if (error) reject(error);
        else resolve(stdout);
      });
    });
    expect(help).toContain(`supabase ${command}`);
    expect(flags.filter((flag) => !help.includes(flag))).toEqual([]);
  });
});
