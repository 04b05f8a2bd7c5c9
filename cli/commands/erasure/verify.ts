import type { Command } from "commander";
import {
  createReceiptVerifier,
  openReceiptKeyring,
  ReceiptKeyError,
  type ReceiptKeyring,
  type VerificationReport,
} from "../../../shared/erasure/receipts/mod.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { nounOf } from "../../noun.ts";
import { collect } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { readReceiptFiles } from "../../receipt-files.ts";
import { readReceiptKeys } from "../../receipt-keys.ts";
import { erasureNoun } from "./noun.ts";

interface VerifyOptions {
  json?: boolean;
  key: string[];
  excerpt?: boolean;
  head?: string;
}

const epilogue = `
What is checked: the form, hash, signature and zero counts of each receipt, the chain from the first
to the last, and that the two receipts of an erasure agree. Needs no network and no database.

Exit codes:
  0 all valid   1 at least one fault   2 wrong usage

Examples:
  $ heimdex erasure key > receipts.pub.json
  $ heimdex erasure verify receipts/ --key receipts.pub.json
  $ heimdex erasure verify 000000000007-*.json --key receipts.pub.json --excerpt
  $ heimdex erasure verify receipts.ndjson --key receipts.pub.json --head 9f86d081... --json`;

export function registerErasureVerify(program: Command, context: CliContext, finish: Finish): void {
  nounOf(program, ...erasureNoun)
    .command("verify")
    .description("Verifies receipts offline: one, several, a folder, or a file with one a line")
    .argument("<file...>", "files and folders")
    .requiredOption("--key <file>", "public JWK; once for each key that was in use", collect)
    .option("--excerpt", "accept that receipts between the given ones are left out")
    .option("--head <hash>", "hash that the last receipt must have, so that none is cut off")
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (files: string[], options: VerifyOptions) =>
      finish(await verifyFiles(context, files, options))
    );
}

async function verifyFiles(
  context: CliContext,
  files: string[],
  options: VerifyOptions,
): Promise<ExitCode> {
  const { excerpt, head } = options;
  const verifier = createReceiptVerifier(await openKeys(options.key), {
    ...(excerpt ? { excerpt } : {}),
    ...(head === undefined ? {} : { head }),
  });
  for await (const { text, ...origin } of readReceiptFiles(files)) await verifier.add(text, origin);
  const report = verifier.finish();
  context.out(options.json ? toJson(report) : describe(report));
  return report.valid ? exitCodes.ok : exitCodes.overThreshold;
}

async function openKeys(paths: string[]): Promise<ReceiptKeyring> {
  try {
    return await openReceiptKeyring(await readReceiptKeys(paths));
  } catch (error) {
    if (!(error instanceof ReceiptKeyError)) throw error;
    throw new CliError(exitCodes.usage, error.message, { cause: error });
  }
}

function describe(report: VerificationReport): string {
  const { receipts, first, head, erasures, leftovers, faults } = report;
  const lines: string[] = [];
  if (head) {
    lines.push(
      `receipts   ${receipts}, from ${first} to ${head.sequence}`,
      `erasures   ${erasures.final} final, ${erasures.provisional} provisional`,
      `leftovers  ${leftovers}`,
      `last hash  ${head.hash}`,
    );
  }
  if (report.valid) {
    lines.push(report.excerpt ? "valid, as an excerpt: the whole chain is not shown" : "valid");
  } else {
    lines.push("", toTable(faults.map(toRow), ""), "", "NOT VALID");
  }
  return lines.join("\n").trimStart();
}

function toRow({ source, sequence, code, message }: VerificationReport["faults"][number]) {
  return { receipt: sequence, fault: code, message, source };
}
