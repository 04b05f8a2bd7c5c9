import { describe, expect, it } from "vitest";
import { projectFiles, read } from "./project.ts";

const readme = read("README.md");

describe("README.md", () => {
  it("lists every variable that shared/env.ts reads, and none that nothing reads", () => {
    const pattern = /\b(SUPABASE|HEIMDEX|LEGACY)_[A-Z_]+|\bDATABASE_URL\b/g;
    const section = readme.slice(
      readme.indexOf("## Environment of the functions"),
      readme.indexOf("## Errors"),
    );
    const named = (text: string) => [...new Set(text.match(pattern))].sort();
    expect(named(section)).toEqual(named(read("shared/env.ts")));
  });

  it("names only scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const documents = projectFiles().filter((path) => path.endsWith(".md")).map(read).join("\n");
    const named = [...documents.matchAll(/\bnpm run (?:--silent |-s )?([a-z][\w:-]*)/g)]
      .map((match) => match[1] ?? "");
    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe("docs/adr", () => {
  const records = projectFiles().filter((path) => /^docs\/adr\/\d{4}-/.test(path)).sort();

  it("is numbered without a gap and listed in its index", () => {
    const numbers = records.map((path) => Number(path.slice("docs/adr/".length).slice(0, 4)));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    const index = read("docs/adr/README.md");
    expect(records.filter((path) => !index.includes(path.slice("docs/adr/".length)))).toEqual([]);
  });

  it.each(records)("%s has a status, a context, options, a decision and consequences", (path) => {
    const text = read(path);
    for (const part of ["Status: ", "## Context", "## Options", "## Decision", "## Consequences"]) {
      expect(text).toContain(part);
    }
  });
});
