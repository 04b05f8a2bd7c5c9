import { isBuiltin } from "node:module";
import { join } from "node:path";
import { type Plugin, rolldown } from "rolldown";

/** Names what Deno has built in as Deno wants it named outside of packages. */
const builtins: Plugin = {
  name: "builtins",
  resolveId(id) {
    if (!isBuiltin(id)) return null;
    return { id: id.startsWith("node:") ? id : `node:${id}`, external: true };
  },
};

/**
 * Makes one minified file of what a function loads at its start, and others beside it of what it
 * loads later: as a deployment does, which leaves nothing to find and to read in files of its own.
 * @returns path of the file to start
 */
export async function bundle(entry: string, folder: string): Promise<string> {
  const build = await rolldown({
    input: entry,
    platform: "neutral",
    resolve: { mainFields: ["module", "main"], conditionNames: ["deno", "import", "default"] },
    plugins: [builtins],
  });
  try {
    await build.write({ dir: folder, format: "esm", minify: true, entryFileNames: "index.js" });
  } finally {
    await build.close();
  }
  return join(folder, "index.js");
}
