import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { fixedEnvironment } from "../../bench/suites/cold-start/environment.ts";
import { root } from "../house-rules/project.ts";

interface Loaded {
  modules: number;
  bytes: number;
}

interface Graph {
  own: Loaded;
  packages: Loaded;
  builtin: Loaded;
  byPackage: Record<string, number>;
}

/** What a function may load before its first answer: octets of source of ours and of packages. */
const ceilings: Readonly<Record<string, { own: number; packages: number; modules: number }>> = {
  me: { own: 185_000, packages: 1_160_000, modules: 255 },
  videos: { own: 255_000, packages: 1_200_000, modules: 285 },
  search: { own: 215_000, packages: 1_160_000, modules: 275 },
  people: { own: 345_000, packages: 1_170_000, modules: 310 },
  "auth-onboarding": { own: 365_000, packages: 1_170_000, modules: 320 },
  "auth-webhook": { own: 345_000, packages: 1_200_000, modules: 310 },
};

/** Packages that only some requests need, and whose first use loads them. */
const loadedLater = [
  "@fastify/busboy",
  "@supabase/supabase-js",
  "@supabase/auth-js",
  "fflate",
  "hash-wasm",
  "minio",
  "openapi3-ts",
  "postgres",
];

async function readGraph(name: string): Promise<Graph> {
  const { stdout } = await promisify(execFile)("node", [
    join(root, "tools/deno.mjs"),
    "run",
    join(root, "bench/suites/cold-start/list-modules.ts"),
    join(root, `supabase/functions/${name}/index.ts`),
  ], { cwd: root, env: { ...process.env, ...fixedEnvironment } });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

describe("what a function loads before its first answer", () => {
  it.each(Object.entries(ceilings))("%s stays under its ceiling", async (name, ceiling) => {
    const { own, packages, builtin, byPackage } = await readGraph(name);
    const modules = own.modules + packages.modules;
    process.stdout.write(
      `${name}: ${modules} modules, ${own.bytes} bytes of ours, ${packages.bytes} of packages, ` +
        `${builtin.modules} of Deno\n`,
    );
    expect(own.bytes).toBeLessThanOrEqual(ceiling.own);
    expect(packages.bytes).toBeLessThanOrEqual(ceiling.packages);
    expect(modules).toBeLessThanOrEqual(ceiling.modules);
    expect(Object.keys(byPackage).filter((one) => loadedLater.includes(one))).toEqual([]);
  });
});
