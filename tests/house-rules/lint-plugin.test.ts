import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./project.ts";

const cases: { rule: string; path: string; bad: string; good: string }[] = [
  {
    rule: "env-in-one-place",
    path: "supabase/functions/me/store.ts",
    bad: `export const url = Deno.env.get("SUPABASE_URL");`,
    good: `export const read = (env: { url: string }) => env.url;`,
  },
  {
    rule: "env-in-one-place",
    path: "shared/auth/keys.ts",
    bad: `import process from "node:process";\nexport const url = process.env.SUPABASE_URL;`,
    good: `export const read = (env: { url: string }) => env.url;`,
  },
  {
    rule: "no-as-any",
    path: "cli/print.ts",
    bad: `export const value = JSON.parse("1") as any;`,
    good: `export const value: unknown = JSON.parse("1");`,
  },
  {
    rule: "no-type-suppression",
    path: "bench/run.ts",
    bad: `// @ts-ignore it is fine\nexport const one: number = "1";`,
    good: `// about @ts-ignore\nexport const one = 1;`,
  },
  {
    rule: "no-non-null",
    path: "shared/auth/claims.ts",
    bad: `export const subject = (claims: { sub?: string }) => claims.sub!;`,
    good: `export const subject = (claims: { sub?: string }) => claims.sub ?? "";`,
  },
  {
    rule: "no-empty-catch",
    path: "shared/database/doors.ts",
    bad: `export function open() { try { JSON.parse(""); } catch { /* later */ } }`,
    good: `export function open() { try { JSON.parse(""); } catch (error) { throw error; } }`,
  },
  {
    rule: "no-error-json",
    path: "supabase/functions/me/routes/read-me.ts",
    bad: `export const answer = (c: Context) => c.json({ error: "no" }, 400);`,
    good: `export const answer = (c: Context) => c.json({ id: "1" }, 200);`,
  },
  {
    rule: "imports-by-extension",
    path: "local/main.ts",
    bad: `export { startStack } from "./stack";`,
    good: `export { startStack } from "./stack.ts";`,
  },
  {
    rule: "bare-imports",
    path: "local/state.ts",
    bad: `export { Hono } from "npm:hono@4.13.19";`,
    good: `export { Hono } from "hono";`,
  },
  {
    rule: "arrows-one-way",
    path: "supabase/functions/videos/rules.ts",
    bad: `export { toPerson } from "../people/people.ts";`,
    good: `export { toPerson } from "../../../shared/people.ts";`,
  },
  {
    rule: "arrows-one-way",
    path: "shared/http/base.ts",
    bad: `export { createApp } from "../../supabase/functions/me/app.ts";`,
    good: `export { AppError } from "../errors/app-error.ts";`,
  },
  {
    rule: "arrows-one-way",
    path: "local/router.ts",
    bad: `export { readEnv } from "../shared/env.ts";`,
    good: `export * from "../supabase/functions/me/index.ts";`,
  },
  {
    rule: "arrows-one-way",
    path: "client/types.ts",
    bad: `export { videoSchema } from "../supabase/functions/videos/schemas.ts";`,
    good: `export type { Video } from "../supabase/functions/videos/schemas.ts";`,
  },
  {
    rule: "short-handlers",
    path: "supabase/functions/me/routes/change-me.ts",
    bad: `export const register = (app: App) => app.openapi(route, (c) => {\n${
      "  c.step();\n".repeat(20)
    }  return c.done();\n});`,
    good: `export const register = (app: App) => app.openapi(route, (c) => c.done());`,
  },
  {
    rule: "one-route-a-file",
    path: "supabase/functions/me/routes/read-both.ts",
    bad: `export const a = createRoute({});\nexport const b = createRoute({});`,
    good: `export const a = createRoute({});`,
  },
  {
    rule: "every-test-runs",
    path: "tests/one.test.ts",
    bad: `describe.only("one", () => {});`,
    good: `describe.runIf(true)("one", () => {});`,
  },
  {
    rule: "test-names",
    path: "tests/two.test.ts",
    bad: `it("works", () => {});`,
    good: `it("refuses a token that has expired", () => {});`,
  },
  {
    rule: "error-sentences",
    path: "cli/fail.ts",
    bad: `throw new Error("can't connect.");`,
    good: `throw new Error("Cannot connect: start the database first");`,
  },
];

describe("the lint rules of the house", () => {
  let folder: string;
  const found: Record<"bad" | "good", Map<string, string[]>> = { bad: new Map(), good: new Map() };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "heimdex-lint-"));
    await cp(join(root, "tools/lint"), join(folder, "tools/lint"), { recursive: true });
    const config = { lint: { plugins: ["./tools/lint/house-rules.ts"], rules: { tags: [] } } };
    await writeFile(join(folder, "deno.json"), JSON.stringify(config));
    for (const version of ["bad", "good"] as const) {
      for (const one of cases) {
        await mkdir(dirname(join(folder, one.path)), { recursive: true });
        await writeFile(join(folder, one.path), one[version]);
      }
      found[version] = await lint(folder);
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(cases)("$rule refuses it in $path and lets the other way through", ({ path, rule }) => {
    expect(found.bad.get(path)).toEqual([`house/${rule}`]);
    expect(found.good.get(path)).toBeUndefined();
  });
});

/** Codes of what `deno lint` finds in a folder, by path. */
function lint(cwd: string): Promise<Map<string, string[]>> {
  const args = [join(root, "tools/deno.mjs"), "lint", "--json"];
  return new Promise((resolve, reject) => {
    execFile("node", args, { cwd }, (_failed, stdout, stderr) => {
      try {
        const { diagnostics, errors } = JSON.parse(stdout);
        if (errors.length > 0) throw new Error(JSON.stringify(errors));
        const codes = new Map<string, string[]>();
        for (const { filename, code } of diagnostics) {
          const path = relative(realpathSync(cwd), realpathSync(fileURLToPath(filename)));
          codes.set(path, [...new Set([...codes.get(path) ?? [], code])]);
        }
        resolve(codes);
      } catch (error) {
        reject(new Error(`${stdout}\n${stderr}`, { cause: error }));
      }
    });
  });
}
