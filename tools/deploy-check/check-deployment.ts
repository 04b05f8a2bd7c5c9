import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findSecrets } from "../secrets/rules.ts";
import { findExcuse } from "../secrets/scan.ts";
import { bootFunction } from "./boot-function.ts";
import { findNeededFiles } from "./find-needed-files.ts";
import { type Recording, recordUploads, type Upload } from "./record-uploads.ts";

/** One thing that was looked at; `fault` says what is wrong, null: nothing. */
export interface Check {
  what: string;
  fault: string | null;
}

/** What a deployment would send, and what is wrong with it. */
export interface DeploymentReport {
  checks: Check[];
  functions: { slug: string; files: number; bytes: number }[];
}

/**
 * Deploys the functions of a folder to a recording server and checks everything that can be known
 * without a hosted project.
 */
export async function checkDeployment(
  project: string,
): Promise<DeploymentReport> {
  const recording = await recordUploads(project);
  const checks = await checkRun(project, recording);
  checks.push(await checkSecrets(recording.uploads));
  for (const upload of recording.uploads) {
    checks.push(
      checkSettings(upload),
      await checkFiles(project, upload),
      await checkBoot(upload),
    );
  }
  const functions = recording.uploads.map(({ slug, files }) => ({
    slug,
    files: files.size,
    bytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
  }));
  return { checks, functions };
}

/** The CLI goes on after a file it could not read and says so only in a warning. */
async function checkRun(
  project: string,
  { exitCode, output, uploads }: Recording,
): Promise<Check[]> {
  const folders = await readdir(join(project, "supabase/functions"));
  const warning = output.split("\n").find((line) => /^(WARN|WARNING|error)\b/i.test(line));
  return [
    check("the CLI deploys", exitCode === 0 ? null : output.trim().slice(-500)),
    check("the CLI warns of nothing", warning ?? null),
    check(
      "every function is deployed, and nothing else",
      difference(folders, uploads.map(({ slug }) => slug)),
    ),
  ];
}

function checkSettings({ slug, metadata }: Upload): Check {
  const expected = {
    name: slug,
    entrypoint_path: `supabase/functions/${slug}/index.ts`,
    import_map_path: "deno.json",
    static_patterns: [],
    verify_jwt: false,
  };
  const wrong = Object.entries(expected).find(([key, value]) =>
    JSON.stringify(Reflect.get(metadata, key)) !== JSON.stringify(value)
  );
  return check(
    `${slug}: entry, import map and verify_jwt as supabase/config.toml says`,
    wrong ? `${wrong[0]} is ${JSON.stringify(Reflect.get(metadata, wrong[0]))}` : null,
  );
}

async function checkFiles(
  project: string,
  { slug, files, metadata }: Upload,
): Promise<Check> {
  const needed = await findNeededFiles(project, metadata.entrypoint_path);
  return check(
    `${slug}: exactly the files it needs`,
    needed.broken ?? difference(needed.files, [...files.keys()]),
  );
}

async function checkSecrets(uploads: Upload[]): Promise<Check> {
  const files = new Map(uploads.flatMap((upload) => [...upload.files]));
  const decoder = new TextDecoder();
  const found = await Promise.all([...files].map(async ([path, bytes]) => {
    const findings = await findSecrets(path, decoder.decode(bytes));
    return findings.filter((finding) => !findExcuse(path, finding))
      .map(({ rule, line }) => `${path}:${line} holds what looks like a secret (${rule})`);
  }));
  return check("no upload holds a secret", found.flat()[0] ?? null);
}

async function checkBoot(upload: Upload): Promise<Check> {
  const { status, code, output } = await bootFunction(upload);
  const fine = status === 404 && code === "route_not_found";
  return check(
    `${upload.slug}: starts from these files alone`,
    fine ? null : `answered ${status} ${code ?? ""}: ${output.trim().slice(-500)}`,
  );
}

function check(what: string, fault: string | null): Check {
  return { what, fault };
}

function difference(wanted: string[], given: string[]): string | null {
  const missing = wanted.filter((one) => !given.includes(one));
  const extra = given.filter((one) => !wanted.includes(one));
  if (missing.length === 0 && extra.length === 0) return null;
  return [
    missing.length > 0 ? `missing: ${missing.join(", ")}` : "",
    extra.length > 0 ? `too many: ${extra.join(", ")}` : "",
  ].filter(Boolean).join("; ");
}
