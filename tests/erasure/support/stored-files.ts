import { dirname, join } from "node:path";
import type { TemporaryStack } from "../../../local/temporary.ts";

/** Files in which the stack's Storage keeps the bytes of objects, whatever the database says. */
export async function countStoredFiles({ functionsLog }: TemporaryStack): Promise<number> {
  return await countFiles(join(dirname(functionsLog), "storage"));
}

async function countFiles(folder: string): Promise<number> {
  let count = 0;
  for await (const entry of Deno.readDir(folder)) {
    count += entry.isDirectory ? await countFiles(join(folder, entry.name)) : 1;
  }
  return count;
}
