import type postgres from "postgres";
import type { Command } from "commander";
import { repairReceiptCopies } from "../../../shared/erasure/receipts/mod.ts";
import { type CliContext, type ExitCode, exitCodes, type Finish } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { withErasures } from "../../deps.ts";
import { nounOf } from "../../noun.ts";
import { wholeNumber } from "../../options.ts";
import { toJson } from "../../output.ts";
import { parseErasureId } from "./erasure-id.ts";
import { erasureNoun } from "./noun.ts";

interface ReceiptsOptions {
  after: number;
  erasure?: string;
  repair?: boolean;
  json?: boolean;
}

const epilogue = `
One receipt a line, in the order of the chain, as "heimdex erasure verify" reads them. Keep a copy
outside the project: a restore takes the newest receipts away, the list of bucket receipts included.

Environment of --repair:
  the settings of the functions (SUPABASE_URL, SUPABASE_SECRET_KEYS, HEIMDEX_RECEIPT_KEY, ...)

Exit codes:
  0 done   1 another receipt lies where a copy belongs   2 wrong usage
  3 a part of the platform does not answer

Examples:
  $ heimdex erasure receipts > receipts.ndjson
  $ heimdex erasure receipts --after 1200 >> receipts.ndjson
  $ heimdex erasure receipts --erasure 7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a > proof.ndjson
  $ heimdex erasure receipts --repair`;

export function registerErasureReceipts(
  program: Command,
  context: CliContext,
  finish: Finish,
): void {
  nounOf(program, ...erasureNoun)
    .command("receipts")
    .description("Prints the receipts of the database, to keep or to hand over")
    .option(
      "--after <sequence>",
      "only those with a higher number",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      0,
    )
    .option("--erasure <id>", "only those of this erasure")
    .option("--repair", "print nothing: copy to bucket receipts what is missing there")
    .option("--json", "with --repair one JSON document; receipts are JSON lines anyway")
    .addHelpText("after", epilogue)
    .action(async (options: ReceiptsOptions) =>
      finish(
        await (options.repair ? repairCopies(context, options) : printReceipts(context, options)),
      )
    );
}

const pageSize = 1000;

async function printReceipts(context: CliContext, options: ReceiptsOptions): Promise<ExitCode> {
  const erasureId = options.erasure === undefined ? null : parseErasureId(options.erasure);
  await withDatabase(context, async (sql) => {
    for (let after: number | undefined = options.after; after !== undefined;) {
      const page = await readPage(sql, { after, erasureId });
      if (page.length > 0) context.out(page.map((row) => row.receipt).join("\n"));
      after = page.length < pageSize ? undefined : Number(page.at(-1)?.sequence);
    }
  });
  return exitCodes.ok;
}

async function readPage(
  sql: postgres.Sql,
  { after, erasureId }: { after: number; erasureId: string | null },
): Promise<{ sequence: string; receipt: string }[]> {
  return await sql<{ sequence: string; receipt: string }[]>`
    select sequence, receipt from private.erasure_receipts
    where sequence > ${after} and (${erasureId}::uuid is null or erasure_id = ${erasureId}::uuid)
    order by sequence limit ${pageSize}
  `;
}

async function repairCopies(context: CliContext, { json }: ReceiptsOptions): Promise<ExitCode> {
  const { copied, differing } = await withErasures(
    context,
    (erasures) => repairReceiptCopies(erasures, { recount: true, limit: Infinity }),
  );
  context.out(json ? toJson({ copied, differing }) : `Receipts copied to the bucket: ${copied}`);
  if (differing.length === 0) return exitCodes.ok;
  context.err(
    `Another receipt lies at the place of ${differing.join(", ")} in the bucket: ` +
      'compare them with "heimdex erasure verify"',
  );
  return exitCodes.overThreshold;
}
