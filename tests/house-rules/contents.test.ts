import { dirname, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { findSecrets } from "../../tools/secrets/rules.ts";
import { findExcuse } from "../../tools/secrets/scan.ts";
import { exists, projectFiles, read } from "./project.ts";

const BINARY = /\.(png|jpe?g|mp4|webm|gz|woff2?)$/;
const texts = projectFiles().filter((path) => !BINARY.test(path));

/** Finds what must stand in no file, with the line it stands on. */
function findAll(pattern: RegExp, paths = texts): string[] {
  return paths.flatMap((path) =>
    read(path).split("\n").flatMap((line, index) =>
      pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : []
    )
  );
}

/** Joined from parts, so that this file does not contain what it looks for. */
const oneOf = (...parts: string[][]) => new RegExp(parts.map((part) => part.join("")).join("|"));

describe("no file", () => {
  it("contains a secret or a signed token", async () => {
    // All at once: the rules take longer to begin with a text than to read it.
    const findings = await findSecrets("all files", texts.map(read).join("\n"));
    const found = findings.flatMap((finding) =>
      texts.filter((path) => read(path).includes(finding.match) && !findExcuse(path, finding))
        .map((path) => `${path}: ${finding.rule}`)
    );
    expect(found).toEqual([]);
  });

  it("contains a path of somebody's machine", () => {
    const everywhere = oneOf(["(^|[\\s\"'`(=])/", "(work|root)/"]);
    expect(findAll(everywhere)).toEqual([]);
    // Tests may name the home of somebody invented, as a file name a client sends.
    const homes = oneOf(["(^|[\\s\"'`(=])/", "(home|Users)/[a-z]"], ["[A-Z]:\\\\", "\\\\?Users"]);
    expect(findAll(homes, texts.filter((path) => !path.startsWith("tests/")))).toEqual([]);
  });

  it("names the host of a package registry", () => {
    const hosts = oneOf(
      ["registry\\.", "(npmjs|yarnpkg|npmmirror)\\."],
      ["\\bproxy\\.", "golang\\.org"],
      ["\\b(artifactory|nexus|verdaccio)", "\\."],
    );
    expect(findAll(hosts)).toEqual([]);
  });
});

describe("links in the documents", () => {
  const documents = texts.filter((path) => path.endsWith(".md"));

  it.each(documents)("%s points only to what exists", (path) => {
    const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
    const broken = links
      .filter((link) => !/^(https?:|mailto:|#)/.test(link))
      .filter((link) => {
        const [file = "", anchor] = link.split("#");
        const target = posix.join(dirname(path), decodeURIComponent(file));
        return !exists(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
      });
    expect(broken).toEqual([]);
  });
});

function anchorsOf(path: string): string[] {
  return read(path).split("\n").flatMap((line) => {
    const title = /^#+\s+(.+)$/.exec(line)?.[1];
    if (!title) return [];
    return [title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")];
  });
}
