import type { Transaction } from "../../database/doors.ts";
import { toCanonicalJson } from "./canonical.ts";
import { type Receipt, receiptSchema, type ReceiptStage } from "./receipt.ts";

/** A receipt as `private.erasure_receipts` keeps it. */
export interface StoredReceipt {
  readonly sequence: number;
  readonly erasureId: string;
  readonly stage: ReceiptStage;
  /** Canonical JSON with hash and signature. */
  readonly text: string;
}

/** Where the next receipt goes. */
export interface ChainEnd {
  /** 0 while there is no receipt. */
  readonly sequence: number;
  readonly hash: string | null;
  /** Highest sequence of which bucket `receipts` holds a copy; 0 while it is empty. */
  readonly copied: number;
}

/**
 * Lets nobody else write to the chain until the transaction ends.
 * Needs the service door.
 */
export async function lockChain(sql: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('private.erasure_receipts', 0))`;
}

/** The end of the chain and of its copies, both of one moment. Needs the service door. */
export async function readChainEnd(sql: Transaction): Promise<ChainEnd> {
  const [end] = await sql<ChainEnd[]>`
    select coalesce(last.sequence, 0) as sequence, last.hash, coalesce(copy.sequence, 0) as copied
    from (select) as one
    left join (
      select sequence, hash from private.erasure_receipts order by sequence desc limit 1
    ) as last on true
    left join (
      select left(name, 12)::bigint as sequence from storage.objects
      where bucket_id = 'receipts' and name ~ '^[0-9]{12}-' order by name desc limit 1
    ) as copy on true
  `;
  return end ?? { sequence: 0, hash: null, copied: 0 };
}

/** The receipt of one stage of an erasure, if it was written. Needs the service door. */
export async function findReceipt(
  sql: Transaction,
  erasureId: string,
  stage: ReceiptStage,
): Promise<Receipt | undefined> {
  const [row] = await sql<{ receipt: string }[]>`
    select receipt from private.erasure_receipts where erasure_id = ${erasureId} and stage = ${stage}
  `;
  return row && receiptSchema.parse(JSON.parse(row.receipt));
}

/** A receipt in the form in which it is kept. */
export function toStored(receipt: Receipt): StoredReceipt {
  const { sequence, erasure_id: erasureId, stage } = receipt;
  return { sequence, erasureId, stage, text: toCanonicalJson(receipt) };
}

/**
 * Writes receipts at the places they name and gives the number of those that were free.
 * Needs the service door and the chain's lock.
 */
export async function insertReceipts(
  sql: Transaction,
  receipts: readonly Receipt[],
): Promise<number> {
  const rows = receipts.map((receipt) => ({
    sequence: receipt.sequence,
    erasure_id: receipt.erasure_id,
    stage: receipt.stage,
    receipt: toCanonicalJson(receipt),
    hash: receipt.hash,
    previous_hash: receipt.previous_hash,
  }));
  const inserted = await sql`
    insert into private.erasure_receipts ${sql(rows)} on conflict do nothing returning sequence
  `;
  return inserted.length;
}

/** Receipts above `after` in the order of the chain, at most `limit`. Needs the service door. */
export async function readReceipts(
  sql: Transaction,
  o: { after: number; limit: number },
): Promise<StoredReceipt[]> {
  return await sql<StoredReceipt[]>`
    select sequence, erasure_id as "erasureId", stage, receipt as text
    from private.erasure_receipts where sequence > ${o.after} order by sequence limit ${o.limit}
  `;
}

/**
 * Receipts that bucket `receipts` does not hold yet, as `readReceipts` gives them; only those that
 * were written at least `minAge` seconds ago.
 */
export async function readUncopied(
  sql: Transaction,
  o: { after: number; minAge: number; limit: number },
): Promise<StoredReceipt[]> {
  return await sql<StoredReceipt[]>`
    select sequence, erasure_id as "erasureId", stage, receipt as text
    from private.erasure_receipts 
    where copied_at is null and sequence > ${o.after}
      and created_at <= now() - make_interval(secs => ${o.minAge})
    order by sequence limit ${o.limit}
  `;
}

/** Takes note that copies are in the bucket. Needs the service door. */
export async function markCopied(sql: Transaction, sequences: number[], at: Date): Promise<void> {
  await sql`
    update private.erasure_receipts set copied_at = ${at} where sequence = any(${sequences})
  `;
}

/**
 * Marks receipts whose copy is gone from the bucket as not copied. Reads all of both, so it is for
 * an operator's command. Gives their number. Needs the service door.
 */
export async function unmarkLostCopies(sql: Transaction): Promise<number> {
  const rows = await sql`
    update private.erasure_receipts as r set copied_at = null
    where r.copied_at is not null and not exists (
      select from storage.objects as o
      where o.bucket_id = 'receipts'
        and o.name = lpad(r.sequence::text, 12, '0') || '-' || r.erasure_id || '-' || r.stage || '.json'
    )
    returning r.sequence
  `;
  return rows.length;
}
