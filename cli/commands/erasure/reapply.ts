import type { Command } from "commander";
import type { ErasureContext } from "../../../shared/erasure/context.ts";
import {
  carryOutReapply,
  planReapply,
  readCopies,
  type Reapplied,
  type ReapplyPlan,
  ReceiptsInvalidError,
} from "../../../shared/erasure/reapply.ts";
import { ChainChangedError } from "../../../shared/erasure/receipts/mod.ts";
import type { Recreated, Returned } from "../../../shared/erasure/returned.ts";
import { type CliContext, CliError, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withErasures } from "../../deps.ts";
import { nounOf } from "../../noun.ts";
import { collect } from "../../options.ts";
import { toJson, toTable } from "../../output.ts";
import { readReceiptFiles } from "../../receipt-files.ts";
import { readReceiptKeys } from "../../receipt-keys.ts";
import { erasureNoun } from "./noun.ts";

interface ReapplyOptions {
  receipts?: string;
  key?: string[];
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

const epilogue = `
After a restore of the database: verifies its receipts together with the copies in bucket receipts
(or in a folder or file), brings the lost ones back, and erases again every user and person who was
erased and has returned. Users are deleted through the Admin API. Who was created under an erased id
after the last receipt of it was not restored: shown as skipped and left alone.

Environment:
  the settings of the functions (SUPABASE_URL, SUPABASE_SECRET_KEYS, DATABASE_URL,
  HEIMDEX_PSEUDONYM_KEY, HEIMDEX_RECEIPT_KEY, ...)

Exit codes:
  0 done, or nothing to do   2 wrong usage
  1 an erasure is held or broke off, somebody was left alone, or receipts were made with another
    HEIMDEX_PSEUDONYM_KEY
  3 a part of the platform does not answer   4 refused: the receipts do not verify

Examples:
  $ heimdex erasure reapply --dry-run
  $ heimdex erasure reapply --receipts receipts.ndjson --yes
  $ heimdex erasure reapply --key receipts-2025.pub.json --yes --json`;

export function registerErasureReapply(
  program: Command,
  context: CliContext,
  finish: Finish,
): void {
  nounOf(program, ...erasureNoun)
    .command("reapply")
    .description("Erases again whom a restore of the database brought back")
    .option("--receipts <path>", "read copies from this folder or file, not from the bucket")
    .option("--key <file>", "public JWK of an earlier receipt key; may be repeated", collect)
    .option("--dry-run", "show what would be done and change nothing")
    .option("--yes", "do not ask")
    .option("--json", "write one JSON document")
    .addHelpText("after", epilogue)
    .action(async (options: ReapplyOptions) => finish(await reapply(context, options)));
}

async function reapply(context: CliContext, options: ReapplyOptions): Promise<ExitCode> {
  if (!options.dryRun && !options.yes && !context.confirm) {
    throw new CliError(exitCodes.usage, "Say --yes to erase, or --dry-run to see what would be");
  }
  const olderKeys = await readReceiptKeys(options.key ?? []);
  return await withErasures(context, async (erasures) => {
    const copies = options.receipts
      ? readReceiptFiles([options.receipts])
      : readCopies(erasures.objects);
    const plan = await planReapply(erasures, copies, olderKeys).catch(refuse);
    if (!options.json) context.out(describe(plan));
    if (plan.foreign > 0) context.err(warnOfKey(plan));
    if (!await mayGoOn(context, plan, options)) return finishEarly(context, plan, options);
    return await carryOut(context, erasures, plan, options);
  });
}

/** False when there is nothing to do, nothing is to be done, or a person says no. */
async function mayGoOn(
  context: CliContext,
  { returned, missing }: ReapplyPlan,
  { dryRun, yes }: ReapplyOptions,
): Promise<boolean> {
  if (dryRun || returned.length + missing.length === 0) return false;
  if (yes) return true;
  const question = `Bring ${missing.length} receipts back and erase ${returned.length} again?`;
  return await context.confirm?.(question) ?? false;
}

function finishEarly(context: CliContext, plan: ReapplyPlan, { json }: ReapplyOptions): ExitCode {
  if (json) context.out(toJson({ ...toDocument(plan), reapplied: [] }));
  return rate(plan);
}

async function carryOut(
  context: CliContext,
  erasures: ErasureContext,
  plan: ReapplyPlan,
  { json }: ReapplyOptions,
): Promise<ExitCode> {
  let count = 0;
  const tell = ({ kind, erasureId, state }: Reapplied) =>
    context.err(`${++count} of ${plan.returned.length}: ${kind}, erasure ${erasureId}: ${state}`);
  const done = await carryOutReapply(erasures, plan, tell).catch(refuse);
  const stuck = done.filter(({ state }) => ["held", "dead", "failed"].includes(state));
  if (json) context.out(toJson({ ...toDocument(plan), reapplied: done.map(toWire) }));
  else context.out(describeEnd(plan, done.length, stuck.length));
  return rate(plan, stuck.length);
}

function rate({ recreated, foreign }: ReapplyPlan, stuck = 0): ExitCode {
  return recreated.length + foreign + stuck > 0 ? exitCodes.overThreshold : exitCodes.ok;
}

function refuse(error: unknown): never {
  if (error instanceof ReceiptsInvalidError || error instanceof ChainChangedError) {
    throw new CliError(exitCodes.refused, error.message, { cause: error });
  }
  throw error;
}

function describe({ report, missing, returned, recreated }: ReapplyPlan): string {
  const sections = [returned.map(nameReturned), recreated.map(nameRecreated)];
  return [
    `receipts  ${report.receipts} verified, ${missing.length} of them lost by the database`,
    `returned  ${returned.length}`,
    `skipped   ${recreated.length}, created after the last erasure under their id`,
    ...sections.filter((rows) => rows.length > 0).flatMap((rows) => ["", toTable(rows, "")]),
  ].join("\n");
}

function warnOfKey({ foreign, report }: ReapplyPlan): string {
  return `${foreign} of ${report.receipts} receipts were made with another HEIMDEX_PSEUDONYM_KEY, ` +
    "and nobody they tell of is recognised: run it again with that key";
}

function describeEnd(plan: ReapplyPlan, done: number, stuck: number): string {
  const held = stuck > 0 ? `; ${stuck} held or broken off: see "heimdex erasure list"` : "";
  return `${plan.missing.length} receipts brought back, ${done} erased again${held}`;
}

function toDocument({ report, missing, returned, recreated, foreign }: ReapplyPlan) {
  return {
    receipts: report.receipts,
    foreign,
    missing: missing.length,
    returned: returned.map(nameReturned),
    skipped: recreated.map((one) => ({ ...nameRecreated(one), reason: "created_after_erasure" })),
  };
}

function nameReturned({ kind, id, userId }: Returned) {
  return { kind, id, user_id: userId };
}

function nameRecreated({ createdAt, erasedAt, ...one }: Recreated) {
  return { ...nameReturned(one), created_at: createdAt, erased_at: erasedAt };
}

function toWire({ kind, erasureId, state }: Reapplied) {
  return { kind, erasure_id: erasureId, state };
}
