import { join } from "node:path";
import type { Command } from "commander";
import postgres from "postgres";
import { createAuthAdmin } from "../../../shared/legacy/auth-admin.ts";
import type { LegacyContext } from "../../../shared/legacy/context.ts";
import type { Decision } from "../../../shared/legacy/decisions.ts";
import { planMove, suggestDecisions } from "../../../shared/legacy/plan/plan.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { generateSample, minUsers, type Sample } from "../../legacy/sample/generate.ts";
import { installSample, type SamplePlace } from "../../legacy/sample/install.ts";
import { storeInProject, storeInS3 } from "../../legacy/sample/object-places.ts";
import { withLegacy } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { startProgress } from "../../progress.ts";
import { legacyNoun } from "./noun.ts";

interface SampleOptions {
  users: number;
  seed: number;
  out: string;
  json?: boolean;
}

const epilogue = `
Goes only into an empty project on this machine: the legacy tables, the accounts in Supabase Auth and
the objects in Storage. With LEGACY_DATABASE_URL tables and rows go there instead, and objects to the
S3 server of LEGACY_S3_ENDPOINT (LEGACY_S3_ACCESS_KEY, LEGACY_S3_SECRET_KEY).

Writes two files: passwords.json, for "heimdex legacy verify --sign-in", and decisions.json, a
suggestion that settles everything, for --decisions.

Needs the environment of the functions.

Exit codes:
  0 written   2 wrong usage   3 a part of the platform does not answer   4 refused: not empty, not local

Examples:
  $ set -a; . .heimdex/stack.env; set +a
  $ heimdex legacy sample
  $ heimdex legacy sample --users 200 --seed 7 --out rehearsal`;

export function registerLegacySample(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("sample")
    .description("Makes an invented legacy system with every oddity, to rehearse a move on")
    .option("--users <count>", "legacy users", wholeNumber(minUsers, 100_000), 1000)
    .option("--seed <number>", "the same number makes the same sample", wholeNumber(0, 999_999), 1)
    .option("--out <folder>", "where the two files go", ".heimdex/legacy-sample")
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (options: SampleOptions) => finish(await makeSample(context, options)));
}

async function makeSample(context: CliContext, options: SampleOptions): Promise<ExitCode> {
  const { users, seed, json } = options;
  const made = await withLegacy(context, async (legacy) => {
    const progress = startProgress(context, { title: "Sample", total: 0, unit: "requests", json });
    const { place, close } = await openPlace(context, legacy, progress.update);
    try {
      const sample = await generateSample({ users, seed });
      await installSample(place, sample);
      const decisions = suggestDecisions(await planMove(legacy));
      return { sample, decisions, objects: place.storeObject ? sample.objects.length : 0 };
    } finally {
      progress.stop();
      await close();
    }
  }, { check: false });
  const files = await writeFiles(options.out, made);
  context.out(json ? toJson(toDocument(made, files)) : describe(made, files));
  return exitCodes.ok;
}

async function openPlace(
  context: CliContext,
  legacy: LegacyContext,
  onProgress: SamplePlace["onProgress"],
): Promise<{ place: SamplePlace; close(): Promise<void> }> {
  const { env, objects } = legacy.deps;
  const base = { context: legacy, auth: createAuthAdmin(env), onProgress };
  const url = context.env.LEGACY_DATABASE_URL;
  if (!url || !legacy.source.separate) {
    return { place: { ...base, storeObject: storeInProject(objects) }, close: async () => {} };
  }
  const storeObject = await storeInS3(context);
  const legacySql = postgres(url, { max: 1, onnotice: () => {} });
  return {
    place: { ...base, legacySql, ...(storeObject ? { storeObject } : {}) },
    close: () => legacySql.end({ timeout: 1 }),
  };
}

interface Made {
  sample: Sample;
  decisions: Decision[];
  /** Objects that were stored. */
  objects: number;
}

interface Files {
  passwords: string;
  decisions: string;
}

async function writeFiles(folder: string, { sample, decisions }: Made): Promise<Files> {
  const files = {
    passwords: join(folder, "passwords.json"),
    decisions: join(folder, "decisions.json"),
  };
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(files.passwords, `${toJson(sample.logins)}\n`);
    await Deno.writeTextFile(files.decisions, `${toJson({ decisions })}\n`);
  } catch (cause) {
    const message = `The sample is made, but ${folder} takes no files`;
    throw new CliError(exitCodes.usage, message, { cause });
  }
  return files;
}

function toDocument({ sample, decisions, objects }: Made, files: Files) {
  return {
    users: sample.rows.users?.length ?? 0,
    accounts: sample.accounts.length,
    objects,
    oddities: sample.oddities,
    passwords: { file: files.passwords, count: sample.logins.length },
    decisions: { file: files.decisions, count: decisions.length },
  };
}

function describe(made: Made, files: Files): string {
  const { users, accounts, objects, oddities, passwords, decisions } = toDocument(made, files);
  const [first] = made.sample.logins;
  const rows = Object.entries(oddities).map(([oddity, count]) => ({ oddity, users: count }));
  return [
    `${users} legacy users, ${accounts} accounts in Supabase Auth, ${objects} objects`,
    "",
    toTable(rows, ""),
    "",
    `${passwords.count} passwords in ${passwords.file}, such as ${first?.email} ${first?.password}`,
    `${decisions.count} suggested decisions in ${decisions.file}`,
    `Next: heimdex legacy plan --decisions ${decisions.file}`,
  ].join("\n");
}
