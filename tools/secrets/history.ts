import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** One version of one file. */
export interface Version {
  path: string;
  /** `git cat-file` name of the content, or `working tree`. */
  id: string;
  content: string;
}

const run = promisify(execFile);
const options = { maxBuffer: 256 * 1024 * 1024 };

/** Contents that are no text, or one line of megabytes. */
const binary = /\.(png|jpe?g|gif|ico|mp4|webm|gz|zip|woff2?)$/;

/**
 * Every version of every file that any commit of any branch or tag holds, each content once, with
 * the texts of annotated tags, and then the files of the working tree that git does not ignore.
 */
export async function* readVersions(root: string): AsyncGenerator<Version> {
  const git = (...args: string[]) => run("git", ["-C", root, ...args], options);
  const { stdout } = await git("rev-list", "--objects", "--all");
  const named = stdout.split("\n").flatMap((line) => {
    const [, id, path] = /^([0-9a-f]+) (.+)$/.exec(line) ?? [];
    return id && path && !binary.test(path) ? [{ id, path }] : [];
  });
  const contents = await readBlobs(root, named.map(({ id }) => id));
  for (const { id, path } of named) {
    const content = contents.get(id);
    if (content !== undefined) yield { id, path, content };
  }
  const { stdout: files } = await git(
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  );
  for (const path of files.split("\0").filter((one) => one !== "" && !binary.test(one))) {
    const content = await readFile(join(root, path), "utf8").catch(() => undefined);
    if (content !== undefined) yield { id: "working tree", path, content };
  }
}

/** Texts of commits: a secret may stand in a message as well. */
export async function readMessages(root: string): Promise<Version[]> {
  const { stdout } = await run(
    "git",
    ["-C", root, "log", "--all", "--format=%H%x00%B%x01"],
    options,
  );
  return stdout.split("\x01").flatMap((entry) => {
    const [id = "", content = ""] = entry.trim().split("\0");
    return id ? [{ id, path: "commit message", content }] : [];
  });
}

/** Contents by id of files and annotated tags; the others (folders) are left out. */
async function readBlobs(root: string, ids: readonly string[]): Promise<Map<string, string>> {
  const child = spawn("git", ["-C", root, "cat-file", "--batch"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const chunks: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  child.stdin.end(ids.map((id) => `${id}\n`).join(""));
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  return parseBatch(Buffer.concat(chunks));
}

/**
 * `<id> <type> <size>\n<content>\n`, one after the other.
 * @throws Error for an object that the clone lacks
 */
function parseBatch(all: Buffer): Map<string, string> {
  const contents = new Map<string, string>();
  for (let at = 0; at < all.length;) {
    const end = all.indexOf(10, at);
    const [id = "", type, size] = all.subarray(at, end).toString().split(" ");
    const length = Number(size);
    if (!Number.isInteger(length)) throw new Error(`The history lacks ${id}: scan a full clone`);
    if (type === "blob" || type === "tag") {
      contents.set(id, all.subarray(end + 1, end + 1 + length).toString());
    }
    at = end + 1 + length + 1;
  }
  return contents;
}
