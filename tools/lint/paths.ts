const root = decodeURIComponent(new URL("../../", import.meta.url).pathname);

/** Path of a file relative to the project, with slashes; a file outside keeps its own path. */
export function fromRoot(filename: string): string {
  const path = filename.replaceAll("\\", "/").replace(/^file:\/\//, "");
  return path.startsWith(root) ? path.slice(root.length) : path;
}

/** The folder of a relative path; empty at the top. */
export function dirname(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

/** Resolves `./x` and `../x` against a folder relative to the project. */
export function resolveFrom(folder: string, specifier: string): string {
  const parts = folder === "" ? [] : folder.split("/");
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
