import { digestReceipt, toHex } from "./canonical.ts";
import type { ReceiptSigner } from "./keys.ts";
import { type Receipt, receiptBodySchema, type ReceiptFacts, receiptVersion } from "./receipt.ts";

/** Where a receipt stands in the chain, and when it is written. */
export interface ReceiptPlace {
  /** 1 for the first receipt of a project. */
  readonly sequence: number;
  /** Null for the first. */
  readonly previousHash: string | null;
  readonly issuedAt: Date;
}

/**
 * Makes the receipt of an erasure and signs it: the signature is over the 32 bytes of the hash.
 * Throws: ZodError when a fact has not its shape or a text could name somebody.
 */
export async function signReceipt(
  facts: ReceiptFacts,
  place: ReceiptPlace,
  signer: ReceiptSigner,
): Promise<Receipt> {
  const body = receiptBodySchema.parse({
    version: receiptVersion,
    sequence: place.sequence,
    erasure_id: facts.erasureId,
    kind: facts.kind,
    stage: facts.stage,
    subject: facts.subject,
    subject_key: facts.subjectKey,
    origin: facts.origin,
    requested_at: facts.requestedAt.toISOString(),
    started_at: facts.startedAt.toISOString(),
    finished_at: facts.finishedAt.toISOString(),
    issued_at: place.issuedAt.toISOString(),
    manifest_hash: facts.manifestHash,
    tables: facts.tables,
    buckets: facts.buckets,
    leftovers: facts.leftovers,
    previous_hash: place.previousHash,
  });
  const digest = await digestReceipt(body);
  return {
    ...body,
    hash: toHex(digest),
    signature: {
      alg: "Ed25519",
      kid: signer.publicKey.kid,
      value: await signer.sign(digest),
    },
  };
}
