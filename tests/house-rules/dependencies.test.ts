import { describe, expect, it } from "vitest";
import { projectFiles, read, specifiersOf } from "./project.ts";

const manifest = JSON.parse(read("package.json"));
const deno = JSON.parse(read("deno.json"));
const lock = read("package-lock.json");
const packages: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies };

/** `npm:@scope/name@1.2.3/sub` in its parts. */
function parseSpecifier(specifier: string) {
  const [, name = "", version = "", path = ""] =
    /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)(\/.+)?$/.exec(specifier) ?? [];
  return { name, version, path };
}

describe("package.json and deno.json", () => {
  it("pin exact versions", () => {
    const exact = /^(npm:[^@]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;
    expect(Object.entries(packages).filter(([, version]) => !exact.test(version))).toEqual([]);
  });

  it("agree on the version of every imported package", () => {
    const differing = Object.entries<string>(deno.imports).filter(([, specifier]) => {
      const { name, version } = parseSpecifier(specifier);
      return packages[name] !== version;
    });
    expect(differing).toEqual([]);
  });

  it("map each bare name to the package and path of that name", () => {
    const aliases = Object.entries<string>(deno.imports).filter(([key, specifier]) => {
      const { name, path } = parseSpecifier(specifier);
      return key.endsWith("/") || key !== `${name}${path}`;
    });
    expect(aliases).toEqual([]);
  });

  it("name the same versions as the lock file", () => {
    const locked = JSON.parse(lock).packages;
    expect(locked[""].dependencies).toEqual(manifest.dependencies);
    expect(locked[""].devDependencies).toEqual(manifest.devDependencies);
  });

  it("leave nodeModulesDir out, so that the uploaded import map stays neutral", () => {
    expect(deno).not.toHaveProperty("nodeModulesDir");
  });
});

describe("the lock file", () => {
  it("has an integrity hash for every package and no address of a registry", () => {
    expect(lock).not.toMatch(/"resolved":\s*"https?:/);
    const entries = Object.entries<{ integrity?: string; link?: boolean }>(
      JSON.parse(lock).packages,
    );
    const unhashed = entries.filter(([path, entry]) => path && !entry.link && !entry.integrity);
    expect(unhashed.map(([path]) => path)).toEqual([]);
  });
});

describe("imports", () => {
  const sources = projectFiles().filter((path) => path.endsWith(".ts"));

  it("name only what deno.json lists", () => {
    const missing = sources.flatMap((path) =>
      specifiersOf(read(path))
        .filter((specifier) => !/^(\.|node:)/.test(specifier) && !(specifier in deno.imports))
        .map((specifier) => `${path}: ${specifier}`)
    );
    expect(missing).toEqual([]);
  });

  it("use no development package in what is deployed", () => {
    const development = new Set(Object.keys(manifest.devDependencies));
    const wrong = sources.filter((path) => /^(shared|supabase\/functions)\//.test(path)).flatMap(
      (path) =>
        specifiersOf(read(path))
          .filter((specifier) => {
            const target = deno.imports[specifier];
            return target && development.has(parseSpecifier(target).name);
          })
          .map((specifier) => `${path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});
