import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError, exitCodes } from "./context.ts";
import { parseJson } from "../shared/json.ts";

/** One receipt as it was found, still unchecked. */
export interface ReceiptText {
  readonly text: string;
  /** File, and line in a file of many. */
  readonly source: string;
  /** Receipts of one group stand in the order of their chain. */
  readonly group: string;
}

const receiptFile = /\.(json|ndjson|jsonl)$/;

/**
 * Receipts from files and folders: a file holds one, or one a line; of a folder the files ending in
 * .json, .ndjson and .jsonl are read in the order of their names.
 * Throws: CliError (usage) for what cannot be read, and for a folder without any.
 */
export async function* readReceiptFiles(paths: readonly string[]): AsyncGenerator<ReceiptText> {
  for (const path of paths) {
    const files = await listFiles(path);
    for (const file of files) yield* readReceiptFile(file, path);
  }
}

async function listFiles(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => receiptFile.test(name)).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new CliError(exitCodes.usage, `The folder "${path}" holds no .json or .ndjson file`);
}

async function* readReceiptFile(path: string, group: string): AsyncGenerator<ReceiptText> {
  const content = await readText(path);
  if (parseJson(content) !== undefined) {
    yield { text: content, source: path, group };
    return;
  }
  for (const [index, text] of content.split(/\r?\n/).entries()) {
    if (text !== "") yield { text, source: `${path}:${index + 1}`, group };
  }
}

/** The text of a file without the line end that closes it. Throws: CliError (usage). */
export async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): CliError {
  const code = cause instanceof Error && "code" in cause ? ` (${cause.code})` : "";
  return new CliError(exitCodes.usage, `Cannot read "${path}"${code}`, { cause });
}
