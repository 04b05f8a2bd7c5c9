import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** What of `deno info --json` is read here. */
interface Graph {
  modules: { specifier: string; error?: string }[];
}

/**
 * The files of ours that a function's module graph reaches, by Deno's own reckoning, and the import
 * map: what an upload has to hold, and all it may hold.
 * `broken` says which import leads nowhere, null: every one is found.
 */
export async function findNeededFiles(
  project: string,
  entry: string,
): Promise<{ files: string[]; broken: string | null }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: project,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(
      `Cannot read the imports of ${entry}: ${decoder.decode(stderr)}`,
    );
  }
  const graph: Graph = JSON.parse(decoder.decode(stdout));
  const broken = graph.modules.find(({ error }) => error)?.error ?? null;
  const own = graph.modules
    .filter(({ specifier }) => specifier.startsWith("file:"))
    .map(({ specifier }) => relative(project, fileURLToPath(specifier)).replaceAll("\\", "/"))
    .filter((path) => !/(^|\/)node_modules\//.test(path));
  return { files: ["deno.json", ...own].sort(), broken };
}
