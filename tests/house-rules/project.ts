import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Text of a file of the project. */
export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

const SKIPPED_FOLDERS = new Set(["node_modules", ".git", ".heimdex", ".temp", "coverage"]);

/**
 * Every file that belongs to the project, relative to it: what git tracks or would add. A copy
 * without git (a downloaded archive) is walked instead.
 */
export function projectFiles(): string[] {
  if (!exists(".git")) return walk("");
  const listed = execFileSync("git", [
    "-c",
    "safe.directory=*",
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
  ], { cwd: root, encoding: "utf8" });
  return listed.split("\n").filter((path) => path && exists(path));
}

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED_FOLDERS.has(entry.name)) return [];
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    return entry.isDirectory() ? walk(path) : [path];
  });
}

/** Names of the edge functions: folders of supabase/functions with files in them. */
export function functionNames(): string[] {
  const names = projectFiles().flatMap((path) => {
    const name = /^supabase\/functions\/([^/]+)\//.exec(path)?.[1];
    return name ? [name] : [];
  });
  return [...new Set(names)].sort();
}

/** The import specifiers of a TypeScript file: static, re-exported and dynamic with a literal. */
export function specifiersOf(source: string): string[] {
  const withoutComments = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const pattern =
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;
  const found = [...withoutComments.matchAll(pattern)].map((m) => m[1] ?? m[2] ?? m[3] ?? "");
  // Source text inside a string may hold anything; a module is named in lower case.
  return found.filter((specifier) => /^(\.|@?[a-z])/.test(specifier));
}
