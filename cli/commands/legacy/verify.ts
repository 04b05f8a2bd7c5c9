import type { Command } from "commander";
import { z } from "zod";
import { parseJson } from "../../../shared/json.ts";
import type { Credentials } from "../../../shared/legacy/verify/sign-in.ts";
import { type Verification, verifyMove } from "../../../shared/legacy/verify/verify.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withLegacy } from "../../legacy/with-legacy.ts";
import { nounOf } from "../../noun.ts";
import { toJson, toTable } from "../../output.ts";
import { startProgress } from "../../progress.ts";
import { legacyNoun } from "./noun.ts";

interface VerifyCommandOptions {
  signIn?: string;
  json?: boolean;
}

const examples = `
Compares every legacy user with Supabase Auth, field by field, both ways, and counts the rows of every
owner. Rows that were loaded from a database of its own are compared with it by a checksum. The result is stored: the cutover asks for a run that passed and for nothing written since.
--sign-in takes a JSON document of test users, whose old passwords are tried for real:
  [{"email":"a@b.test","password":"..."}]

Needs the environment of the functions, and LEGACY_DATABASE_URL where the legacy database is another.

Exit codes:
  0 passed   1 something differs: each difference says what to do   2 wrong usage or keys
  3 Supabase Auth or a database does not answer   4 refused

Examples:
  $ heimdex legacy verify
  $ heimdex legacy verify --sign-in sample.json --json`;

export function registerLegacyVerify(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...legacyNoun)
    .command("verify")
    .description("Compares every legacy user with Supabase Auth and records the result")
    .option("--sign-in <file>", "sign these test users in with their old passwords")
    .option("--json", "write one JSON document")
    .addHelpText("after", examples)
    .action(async (options: VerifyCommandOptions) => finish(await runVerify(context, options)));
}

async function runVerify(context: CliContext, options: VerifyCommandOptions): Promise<ExitCode> {
  const signIn = options.signIn === undefined ? [] : await readCredentials(options.signIn);
  const verification = await withLegacy(context, async (legacy) => {
    const { json } = options;
    let progress = startProgress(context, { title: "Verify", total: 0, unit: "users", json });
    try {
      return await verifyMove(legacy, {
        signIn,
        onProgress: (done, total) => progress.update(done, total),
        onSignIn: (done, total) => {
          if (done === 1) {
            progress.stop();
            progress = startProgress(context, { title: "Sign in", total, unit: "users", json });
          }
          progress.update(done);
        },
      });
    } finally {
      progress.stop();
    }
  });
  context.out(options.json ? toJson(toDocument(verification)) : describe(verification));
  return verification.passed ? exitCodes.ok : exitCodes.overThreshold;
}

const credentialsSchema = z.array(
  z.object({ email: z.string().min(1), password: z.string().min(1) }),
)
  .min(1);

async function readCredentials(path: string): Promise<Credentials[]> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new CliError(exitCodes.usage, `Cannot read the sample ${path}`, { cause });
  });
  const parsed = credentialsSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CliError(
    exitCodes.usage,
    `The sample ${path} is no JSON array of objects with "email" and "password"`,
  );
}

function toDocument(verification: Verification): Record<string, unknown> {
  const { verificationId, passed, users, gone, owners, signedIn, fingerprint } = verification;
  return {
    verification_id: verificationId,
    passed,
    users,
    gone,
    owners,
    signed_in: signedIn,
    fingerprint,
    mismatch_count: verification.mismatchCount,
    mismatches: verification.mismatches,
  };
}

function describe(verification: Verification): string {
  const { passed, users, gone, owners, signedIn, mismatchCount, mismatches } = verification;
  const what =
    `Compared ${users} legacy users (${gone} deleted in Supabase Auth) and the rows of ` +
    `${owners} owners, signed ${signedIn} in`;
  if (passed) return `${what}: everything is equal\nNext: heimdex legacy cutover`;
  const rows = mismatches.map(({ kind, subject, fields, detail }) => ({
    legacy_id: subject,
    kind,
    fields: fields.join(", ") || null,
    what_to_do: detail,
  }));
  const more = mismatchCount > mismatches.length
    ? [`and ${mismatchCount - mismatches.length} more`]
    : [];
  return [`${what}: ${mismatchCount} differences`, "", toTable(rows, ""), ...more].join("\n");
}
