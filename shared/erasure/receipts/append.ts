import type { Transaction } from "../../database/doors.ts";
import { AppError } from "../../errors/app-error.ts";
import { type CopyContext, copyReceipts, repairReceiptCopies } from "./copies.ts";
import { openReceiptSigner, type ReceiptSigner } from "./keys.ts";
import type { Receipt, ReceiptFacts } from "./receipt.ts";
import { signReceipt } from "./sign-receipt.ts";
import { findReceipt, insertReceipts, lockChain, readChainEnd, toStored } from "./store.ts";

/** What writing a receipt needs; an erasure's context has it all. */
export interface ReceiptContext extends CopyContext {
  /** HEIMDEX_RECEIPT_KEY: JSON of an Ed25519 private JWK. */
  readonly receiptKey: string;
}

/** The database was restored and has lost receipts whose copies the bucket still holds. */
export class ReceiptsLostError extends Error {
  override readonly name = "ReceiptsLostError";
}

/**
 * Writes the receipt of one stage of an erasure at the end of the chain and copies it to bucket
 * `receipts`. Idempotent by erasure and stage: a second call gives the first receipt, whatever its
 * facts. An outage of Storage does not fail it: the copy follows with the next receipt or drain.
 * Throws: ReceiptKeyError when HEIMDEX_RECEIPT_KEY is no Ed25519 private JWK; ZodError when a fact
 * has not its shape or could name somebody; ReceiptsLostError when the bucket holds later receipts
 * than the database, so that a new one would make a second chain: `heimdex erasure reapply` brings
 * them back; AppError database_unavailable.
 */
export async function appendReceipt(ctx: ReceiptContext, facts: ReceiptFacts): Promise<Receipt> {
  const signer = await openReceiptSigner(ctx.receiptKey);
  const receipt = await ctx.database.asService((sql) =>
    append(sql, facts, { signer, issuedAt: ctx.now() })
  );
  await copyToBucket(ctx, receipt);
  return receipt;
}

async function append(
  sql: Transaction,
  facts: ReceiptFacts,
  { signer, issuedAt }: { signer: ReceiptSigner; issuedAt: Date },
): Promise<Receipt> {
  await lockChain(sql);
  const known = await findReceipt(sql, facts.erasureId, facts.stage);
  if (known) return known;
  const end = await readChainEnd(sql);
  if (end.copied > end.sequence) {
    throw new ReceiptsLostError(
      `The bucket holds receipt ${end.copied}, the database ends with ${end.sequence}: ` +
        `run "heimdex erasure reapply" before anything is erased`,
    );
  }
  const place = { sequence: end.sequence + 1, previousHash: end.hash, issuedAt };
  const receipt = await signReceipt(facts, place, signer);
  if (await insertReceipts(sql, [receipt]) !== 1) {
    throw new Error(`Receipt ${receipt.sequence} was written by somebody without the chain's lock`);
  }
  return receipt;
}

/** Seconds after which a copy that is missing is no longer under way in another process. */
const copyAge = 10;

async function copyToBucket(ctx: ReceiptContext, receipt: Receipt): Promise<void> {
  try {
    await copyReceipts(ctx, [toStored(receipt)]);
    await repairReceiptCopies(ctx, { limit: 100, minAge: copyAge });
  } catch (error) {
    if (!(error instanceof AppError) || error.status !== 503) throw error;
    ctx.log?.({ level: "warn", event: "receipt_copy_waits", reason: error.code });
  }
}
