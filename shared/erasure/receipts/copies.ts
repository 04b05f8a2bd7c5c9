import type { Database } from "../../database/doors.ts";
import { AppError } from "../../errors/app-error.ts";
import { buckets } from "../../storage/keys.ts";
import { ObjectExistsError, type ObjectStore } from "../../storage/object-store.ts";
import { markCopied, readUncopied, type StoredReceipt, unmarkLostCopies } from "./store.ts";

/** What copying needs: the service door and the object store. */
export interface CopyContext {
  readonly database: Pick<Database, "asService">;
  readonly objects: Pick<ObjectStore, "put" | "get">;
  now(): Date;
  log?(line: Record<string, unknown>): void;
}

/** What one round of copying did. */
export interface CopyResult {
  /** Receipts whose copy is now in the bucket. */
  readonly copied: number;
  /** Sequences at whose key another receipt lies: the bucket or the database was changed. */
  readonly differing: readonly number[];
}

const pageSize = 100;

/** How much one round of copying does. */
export interface CopyOptions {
  /** First looks for copies that have gone from the bucket, which reads all receipts. */
  readonly recount?: boolean;
  /** About so many receipts are copied at most, whole pages of 100; default 1000. */
  readonly limit?: number;
  /** Leaves out what is younger, in seconds: its own process is about to copy it. Default 0. */
  readonly minAge?: number;
}

/** Key of a receipt's copy in bucket `receipts`: `{sequence, 12 digits}-{erasure}-{stage}.json`. */
export function receiptKey(o: Pick<StoredReceipt, "sequence" | "erasureId" | "stage">): string {
  return `${String(o.sequence).padStart(12, "0")}-${o.erasureId}-${o.stage}.json`;
}

/**
 * Copies receipts to bucket `receipts` that are not there yet, oldest first: those of an outage of
 * Storage, those a restore brought back. Copies are never overwritten. Idempotent; several may run
 * at once.
 * Throws: AppError storage_unavailable and database_unavailable; what was copied until then stays.
 */
export async function repairReceiptCopies(
  ctx: CopyContext,
  { recount = false, limit = 1000, minAge = 0 }: CopyOptions = {},
): Promise<CopyResult> {
  if (recount) await ctx.database.asService(unmarkLostCopies);
  const differing: number[] = [];
  let copied = 0;
  let after: number | undefined = 0;
  while (after !== undefined && copied < limit) {
    const page = await readPage(ctx, after, minAge);
    const round = await copyReceipts(ctx, page);
    copied += round.copied;
    differing.push(...round.differing);
    after = page.length < pageSize ? undefined : page.at(-1)?.sequence;
  }
  return { copied, differing };
}

function readPage(ctx: CopyContext, after: number, minAge: number): Promise<StoredReceipt[]> {
  return ctx.database.asService((sql) => readUncopied(sql, { after, minAge, limit: pageSize }));
}

/**
 * Copies these receipts to bucket `receipts` and takes note of it.
 * Throws: as `repairReceiptCopies`.
 */
export async function copyReceipts(
  ctx: CopyContext,
  receipts: readonly StoredReceipt[],
): Promise<CopyResult> {
  const copied: number[] = [];
  const differing: number[] = [];
  try {
    for (const receipt of receipts) {
      (await copy(ctx, receipt) ? copied : differing).push(receipt.sequence);
    }
  } finally {
    if (copied.length > 0) {
      await ctx.database.asService((sql) => markCopied(sql, copied, ctx.now()));
    }
  }
  for (const sequence of differing) {
    ctx.log?.({ level: "error", event: "receipt_copy_differs", sequence });
  }
  return { copied: copied.length, differing };
}

/** False when another receipt lies at the key. */
async function copy({ objects }: CopyContext, receipt: StoredReceipt): Promise<boolean> {
  const key = receiptKey(receipt);
  try {
    await objects.put(buckets.receipts, key, receipt.text, { contentType: "application/json" });
    return true;
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
  }
  // An upload whose answer was lost has done its work.
  const bytes = await objects.get(buckets.receipts, key);
  if (bytes === null) {
    throw new AppError("storage_unavailable", "A copy of a receipt has just gone");
  }
  return new TextDecoder().decode(bytes) === receipt.text;
}
