import type { JWK } from "jose";
import type { ReceiptFacts } from "../../../../shared/erasure/receipts/mod.ts";
import {
  openReceiptSigner,
  type Receipt,
  type ReceiptSigner,
  signReceipt,
  toCanonicalJson,
} from "../../../../shared/erasure/receipts/mod.ts";

/** A new private key as HEIMDEX_RECEIPT_KEY holds one. */
export async function newReceiptKey(): Promise<string> {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("No key pair was made");
  return JSON.stringify(await crypto.subtle.exportKey("jwk", pair.privateKey));
}

const time = new Date("2026-03-04T05:06:07.890Z");

/** Facts of an erasure that left nothing; a part of them may be given. */
export function newFacts(given: Partial<ReceiptFacts> = {}): ReceiptFacts {
  return {
    erasureId: crypto.randomUUID(),
    kind: "user",
    stage: "provisional",
    subject: "ab".repeat(32),
    subjectKey: "ef".repeat(32),
    origin: "event",
    requestedAt: time,
    startedAt: time,
    finishedAt: time,
    manifestHash: "cd".repeat(32),
    tables: {
      "public.videos": { before: 3, after: 0, disposition: "erase" },
      "public.audit_events": { before: 12, after: 0, disposition: "anonymise" },
    },
    buckets: {
      uploads: {
        before: { objects: 5, bytes: 4096 },
        after: { objects: 0, bytes: 0 },
        disposition: "erase",
      },
    },
    leftovers: [{ what: "auth.audit_log_entries", reason: "the project role may not delete them" }],
    ...given,
  };
}

/** A signer with the key it signs with, both new. */
export interface TestSigner extends ReceiptSigner {
  readonly privateKey: string;
  readonly jwk: JWK;
}

export async function newSigner(): Promise<TestSigner> {
  const privateKey = await newReceiptKey();
  const signer = await openReceiptSigner(privateKey);
  return { ...signer, privateKey, jwk: { ...signer.publicKey } };
}

/** Signs these facts as one chain from the first receipt on. */
export async function newChain(signer: ReceiptSigner, facts: ReceiptFacts[]): Promise<Receipt[]> {
  const chain: Receipt[] = [];
  for (const one of facts) {
    const place = {
      sequence: chain.length + 1,
      previousHash: chain.at(-1)?.hash ?? null,
      issuedAt: time,
    };
    chain.push(await signReceipt(one, place, signer));
  }
  return chain;
}

/** Facts of the provisional and final receipts of `erasures` erasures, one after the other. */
export function pairsOfFacts(erasures: number): ReceiptFacts[] {
  return Array.from({ length: erasures }, () => newFacts()).flatMap((facts) => [
    facts,
    { ...facts, stage: "final" as const },
  ]);
}

export function toTexts(receipts: readonly unknown[]): string[] {
  return receipts.map(toCanonicalJson);
}
