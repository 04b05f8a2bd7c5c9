import { dirname, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { exists, functionNames, projectFiles, read, specifiersOf } from "./project.ts";

const names = functionNames();

/** One `[section]` of supabase/config.toml as key to raw value. */
function section(title: string): Record<string, string> {
  const lines = read("supabase/config.toml").split("\n").map((line) => line.trim());
  const start = lines.indexOf(`[${title}]`);
  if (start < 0) return {};
  const end = lines.findIndex((line, index) => index > start && line.startsWith("["));
  const body = lines.slice(start + 1, end < 0 ? undefined : end);
  return Object.fromEntries(body.flatMap((line) => {
    const match = /^(\w+)\s*=\s*(.+?)\s*(#.*)?$/.exec(line);
    return match ? [[match[1], match[2]]] : [];
  }));
}

describe("the edge functions", () => {
  it("are the six of the design", () => {
    expect(names).toEqual(["auth-onboarding", "auth-webhook", "me", "people", "search", "videos"]);
  });

  it("have no folder that is not a function", () => {
    expect(names.filter((name) => !exists(`supabase/functions/${name}/app.ts`))).toEqual([]);
    expect(names.filter((name) => name.startsWith("_"))).toEqual([]);
  });

  it("have an index.ts in their top folder only", () => {
    const indexes = projectFiles().filter((path) =>
      path.startsWith("supabase/functions/") && path.endsWith("/index.ts")
    );
    expect(indexes.sort()).toEqual(names.map((name) => `supabase/functions/${name}/index.ts`));
  });

  it.each(names)("%s is started by an index.ts of at most six lines", (name) => {
    const lines = read(`supabase/functions/${name}/index.ts`).trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(6);
  });

  it.each(names)("%s verifies its tokens itself and uses the root import map", (name) => {
    expect(section(`functions.${name}`)).toMatchObject({
      verify_jwt: "false",
      import_map: '"../deno.json"',
    });
  });

  it("import files that exist", () => {
    const sources = projectFiles().filter((path) =>
      /^(supabase\/functions|shared)\/.+\.ts$/.test(path)
    );
    const missing = sources.flatMap((path) =>
      specifiersOf(read(path))
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => posix.join(dirname(path), specifier))
        .filter((target) => !exists(target))
        .map((target) => `${path}: ${target}`)
    );
    expect(missing).toEqual([]);
  });

  it("keep one route in each file, named by its verb and noun", () => {
    const wrong = projectFiles()
      .filter((path) => /^supabase\/functions\/[^/]+\/routes\//.test(path))
      .filter((path) => !/\/routes\/[a-z]+(-[a-z]+)*\.ts$/.test(path));
    expect(wrong).toEqual([]);
  });
});

describe("file names", () => {
  it("are kebab-case", () => {
    const wrong = projectFiles()
      .filter((path) => /\.(ts|mjs)$/.test(path))
      .filter((path) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\.(ts|mjs)$/.test(posix.basename(path))
      );
    expect(wrong).toEqual([]);
  });

  it("of migrations are a time, a verb and an object", () => {
    const wrong = projectFiles()
      .filter((path) => path.startsWith("supabase/migrations/"))
      .filter((path) => !/\/\d{14}_[a-z]+(_[a-z0-9]+)+\.sql$/.test(path));
    expect(wrong).toEqual([]);
  });
});
