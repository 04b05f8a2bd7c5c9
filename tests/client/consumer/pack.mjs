// Packs the client as it would be published and installs it into an empty project.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../../..");

/**
 * Returns the project's folder and the files of the package. The registry is not asked: supabase-js
 * is the copy this repository has installed.
 */
export async function installPackedClient() {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-client-"));
  const env = { ...process.env, npm_config_update_notifier: "false" };
  const pack = ["pack", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: join(root, "client"), env });
  const { filename, files } = readPackage(stdout);
  const project = join(folder, "project");
  await mkdir(project);
  const manifest = { name: "an-app", private: true, type: "module" };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  const install = [
    "install",
    "--offline",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    join(folder, filename),
    join(root, "node_modules/@supabase/supabase-js"),
  ];
  await run("npm", install, { cwd: project, env });
  for (const name of ["journey.mjs", "run.mjs"]) await cp(join(here, name), join(project, name));
  // Under its own name the checks of this repository would look for the package here.
  await cp(join(here, "types.ts.txt"), join(project, "types.ts"));
  return { folder, project, files: files.map(({ path }) => path).sort() };
}

/** npm 11 answers a list, later ones an object by package name. */
function readPackage(stdout) {
  const answer = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  return Object.values(answer)[0];
}
