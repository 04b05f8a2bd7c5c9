import { symlink } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { quietEnvironment, runFlags } from "../../tools/deno.mjs";
import { checkPatches, type SourcePatch } from "./checks.ts";
import type { Verdict } from "./report.ts";

const root = new URL("../../", import.meta.url);
/** What tests of a copy need of the project. */
const copied = [
  "bench",
  "cli",
  "deno.json",
  "docs",
  "local",
  "package.json",
  "shared",
  "supabase",
  "tests",
  "tools",
  "vitest.config.ts",
];

interface TestReport {
  success: boolean;
  testResults: {
    message?: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

/** Patches a copy of the project, one check at a time, and runs the tests that have to notice. */
export async function mutateSources(tell: (verdict: Verdict) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "heimdex-mutations-" });
  const copy = new URL(`file://${folder}/`);
  try {
    await copyProject(copy);
    for (const tests of new Set(checkPatches.map((patch) => patch.tests))) {
      await expectSound(copy, tests);
    }
    for (const patch of checkPatches) tell(await tryPatch(copy, patch));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyProject(copy: URL): Promise<void> {
  // The database of a stack runs as a user of its own, who has to pass through.
  await Deno.chmod(copy, 0o755);
  for (const name of copied) await copyPath(new URL(name, root), new URL(name, copy));
  await symlink(fileURLToPath(new URL("node_modules", root)), new URL("node_modules", copy));
}

async function copyPath(from: URL, to: URL): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (!isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await copyPath(new URL(`${from.href}/${name}`), new URL(`${to.href}/${name}`));
  }
}

/** Tests that fail by themselves would notice every patch. */
async function expectSound(copy: URL, tests: SourcePatch["tests"]): Promise<void> {
  const report = await runTests(copy, tests);
  const failed = [...failedTests(report), ...brokenFiles(report)];
  if (failed.length > 0) throw new Error(`Tests fail without a mutation: ${failed.join("; ")}`);
}

async function tryPatch(copy: URL, patch: SourcePatch): Promise<Verdict> {
  const { file, find, replace, what, tests } = patch;
  const source = await Deno.readTextFile(new URL(file, root));
  if (source.split(find).length !== 2) throw new Error(`${file} holds not one "${find}"`);
  await Deno.writeTextFile(new URL(file, copy), source.replace(find, () => replace));
  try {
    const report = await runTests(copy, tests);
    const [killer] = failedTests(report);
    // A patch that no file can be read with would otherwise look like one that a test noticed.
    const [broken] = killer ? [] : brokenFiles(report);
    if (broken) throw new Error(`The tests do not run without ${what}: ${broken}`);
    return { kind: "check removed", mutation: `${what} (${file})`, killer };
  } finally {
    await Deno.writeTextFile(new URL(file, copy), source);
  }
}

const needsStack = (file: string) => file.startsWith("tests/security/");

async function runTests(copy: URL, { files, only }: SourcePatch["tests"]): Promise<TestReport> {
  const output = fileURLToPath(new URL("mutation-report.json", copy));
  const stackless = !files.some(needsStack);
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...runFlags,
      "npm:vitest",
      "run",
      ...files,
      ...(stackless ? ["--config", "tests/mutations/vitest.config.ts"] : []),
      ...(only ? ["--testNamePattern", only] : []),
      "--bail=1",
      "--reporter=json",
      `--outputFile=${output}`,
    ],
    cwd: copy,
    env: { ...quietEnvironment, HEIMDEX_LAUNCHER_PID: String(process.pid) },
    stdout: "null",
    stderr: "piped",
  });
  const { stderr } = await command.output();
  try {
    return JSON.parse(await Deno.readTextFile(output));
  } catch (cause) {
    throw new Error(`No report of ${files}: ${new TextDecoder().decode(stderr)}`, { cause });
  } finally {
    await Deno.remove(output).catch(() => {});
  }
}

function failedTests({ testResults }: TestReport): string[] {
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed")
      .map(({ fullName }) => fullName.trim())
  );
}

/** Messages of test files of which no test ran to its end. */
function brokenFiles({ testResults }: TestReport): string[] {
  return testResults.flatMap(({ message, assertionResults }) =>
    message && !assertionResults.some(({ status }) => status === "failed") ? [message] : []
  );
}
