import { describe, expect, it } from "vitest";
import { read } from "../house-rules/project.ts";

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const lock: { lockfileVersion: number; packages: Record<string, LockedPackage> } = JSON.parse(
  read("package-lock.json"),
);
const entries = Object.entries(lock.packages);
const installed = entries.filter(([path]) => path !== "");

/** Nothing but a version range or a name in the registry: no address, no git, no folder. */
const fromRegistry = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?[\w\s.<>=~^|*+-]*$/;

describe("the lock file", () => {
  it("takes every package from the registry, as a tarball with its hash", () => {
    const odd = installed.filter(([, { resolved, integrity, link, version }]) =>
      // Left out, an address means the tarball of this name and version at the registry in use.
      resolved !== undefined || link || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? "") ||
      !/^\d+\.\d+\.\d+/.test(version ?? "")
    );
    expect(odd.map(([path]) => path)).toEqual([]);
    expect(installed.length).toBeGreaterThan(100);
  });

  it("lets no package ask for one from elsewhere", () => {
    const odd = entries.flatMap(([path, one]) =>
      [one.dependencies, one.optionalDependencies, one.devDependencies].flatMap((wanted) =>
        Object.entries(wanted ?? {}).filter(([, range]) => !fromRegistry.test(range))
          .map(([name, range]) => `${path || "package.json"}: ${name} ${range}`)
      )
    );
    expect(odd).toEqual([]);
  });

  it("knows the packages that run a script when they are installed", () => {
    const scripted = installed.filter(([, { hasInstallScript }]) => hasInstallScript)
      // One package a platform, all of them of the same kind.
      .map(([path]) => path.replace(/^.*node_modules\//, "").replace(/^(@.+)\/.+$/, "$1/*"));
    const document = read("docs/security.md");
    expect(scripted.filter((name) => !document.includes(`\`${name}\``))).toEqual([]);
  });
});
