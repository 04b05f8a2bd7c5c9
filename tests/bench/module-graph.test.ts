import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { bundle } from "../../bench/suites/cold-start/bundle.ts";
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

/**
 * What a function may load before its first answer: octets of source of ours and of packages, and
 * octets of the one file that a bundle starts.
 */
const ceilings: Readonly<
  Record<string, { own: number; packages: number; modules: number; bundled: number }>
> = {
  me: { own: 185_000, packages: 1_040_000, modules: 245, bundled: 212_000 },
  videos: { own: 250_000, packages: 1_080_000, modules: 272, bundled: 241_000 },
  search: { own: 200_000, packages: 1_040_000, modules: 250, bundled: 216_000 },
  people: { own: 203_000, packages: 1_040_000, modules: 258, bundled: 218_000 },
  "auth-onboarding": { own: 355_000, packages: 1_050_000, modules: 302, bundled: 260_000 },
  "auth-webhook": { own: 333_000, packages: 1_080_000, modules: 294, bundled: 298_000 },
};

/** Packages that no start loads: some requests do at their first use, or tools alone. */
const loadedLater = [
  "@asteasolutions/zod-to-openapi",
  "@fastify/busboy",
  "@hono/zod-openapi",
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

  it.each(Object.entries(ceilings))("%s stays under it as a bundle", async (name, { bundled }) => {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-bundle-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const entry = join(root, `supabase/functions/${name}/index.ts`);
    const { size } = await stat(await bundle(entry, folder));
    process.stdout.write(`${name}: ${size} bytes in one file\n`);
    expect(size).toBeLessThanOrEqual(bundled);
  });
});
