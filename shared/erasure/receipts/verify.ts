import type { JSONWebKeySet, JWK } from "jose";
import { parseJson } from "../../json.ts";
import { type ChainLink, checkChain } from "./chain.ts";
import { digestReceipt, toCanonicalJson, toHex } from "./canonical.ts";
import { openReceiptKeyring, type ReceiptKeyring } from "./keys.ts";
import { type Receipt, receiptSchema } from "./receipt.ts";
import type { FaultCode, ReceiptFault, VerificationOptions, VerificationReport } from "./report.ts";

/** Takes receipts one by one, so that a long chain need not lie in memory. */
export interface ReceiptVerifier {
  /**
   * Checks one receipt by itself and keeps what its place in the chain needs. Receipts of one
   * `group` (a file, a folder) must come in the order of their sequence.
   * Gives the receipt when it is genuine, else undefined.
   */
  add(text: string, origin?: { source?: string; group?: string }): Promise<Receipt | undefined>;
  /** Checks the chain and tells everything that was found. */
  finish(): VerificationReport;
}

/**
 * Verifies receipts offline: form, hash and signature of each, zero counts, the chain, and that the
 * two receipts of an erasure agree.
 * Shape: each text is one receipt as it is stored, in the order of the chain; `publicKey` is an
 * Ed25519 JWK, or a set of them when keys were changed.
 * Throws: ReceiptKeyError when the key is none. Faults of receipts are reported, never thrown.
 */
export async function verifyReceipts(
  receipts: readonly string[],
  publicKey: JWK | JSONWebKeySet,
  options: VerificationOptions = {},
): Promise<VerificationReport> {
  const verifier = createReceiptVerifier(await openReceiptKeyring(publicKey), options);
  for (const text of receipts) await verifier.add(text);
  return verifier.finish();
}

/** Opens a verification that receives its receipts one by one. */
export function createReceiptVerifier(
  keyring: ReceiptKeyring,
  options: VerificationOptions = {},
): ReceiptVerifier {
  const faults: ReceiptFault[] = [];
  const links: ChainLink[] = [];
  const lastOfGroup = new Map<string, number>();
  let read = 0;
  return {
    async add(text, { source = String(++read), group = "" } = {}) {
      const checked = await checkReceipt(text, keyring);
      const { receipt } = checked;
      const place = { source, ...(receipt ? placeOf(receipt) : {}) };
      faults.push(...checked.faults.map((fault) => ({ ...fault, ...place })));
      if (!receipt) return undefined;
      if (receipt.sequence < (lastOfGroup.get(group) ?? 0)) {
        const message = "The receipt stands behind one with a higher sequence";
        faults.push({ code: "out_of_order", message, ...place });
      }
      lastOfGroup.set(group, receipt.sequence);
      links.push(toLink(receipt, source));
      return checked.faults.length === 0 ? receipt : undefined;
    },
    finish() {
      const chain = checkChain(links, options);
      const all = [...faults, ...chain.faults];
      return { ...chain.summary, valid: all.length === 0, faults: all };
    },
  };
}

type Finding = Pick<ReceiptFault, "code" | "message">;

/** Checks one receipt by itself. `receipt` is there as soon as the text has the form of one. */
async function checkReceipt(
  text: string,
  keyring: ReceiptKeyring,
): Promise<{ receipt?: Receipt; faults: Finding[] }> {
  const json = parseJson(text);
  if (json === undefined) return failed("unreadable", "The text is no JSON document");
  const parsed = receiptSchema.safeParse(json);
  if (!parsed.success) {
    const paths = [...new Set(parsed.error.issues.map((issue) => issue.path.join(".")))];
    const where = paths.filter(Boolean).join(", ") || "the whole";
    return failed("malformed", `The document is no receipt of version 1: see ${where}`);
  }
  const receipt = parsed.data;
  const faults: Finding[] = [];
  if (!isCanonical(text, json)) {
    faults.push({ code: "not_canonical", message: "The text is not in its canonical form" });
  }
  faults.push(...await checkSeal(receipt, keyring), ...checkCounts(receipt));
  return { receipt, faults };
}

async function checkSeal(receipt: Receipt, keyring: ReceiptKeyring): Promise<Finding[]> {
  const { hash, signature, ...body } = receipt;
  const digest = await digestReceipt(body);
  if (toHex(digest) !== hash) {
    return [{ code: "hash_wrong", message: "The content does not have the hash it names" }];
  }
  if (!keyring.has(signature.kid)) {
    return [{ code: "key_unknown", message: "The receipt was signed with another key" }];
  }
  if (!await keyring.verify(signature.kid, signature.value, digest)) {
    return [{ code: "signature_wrong", message: "The signature is not that of the key" }];
  }
  return [];
}

function checkCounts(receipt: Receipt): Finding[] {
  const rows = Object.entries(receipt.tables)
    .filter(([, { after, disposition }]) => disposition !== "retain" && after > 0)
    .map(([table, { after }]) => `${after} rows in ${table}`);
  const objects = Object.entries(receipt.buckets)
    .filter(([, { after, disposition }]) =>
      disposition !== "retain" && (after.objects > 0 || after.bytes > 0)
    )
    .map(([bucket, { after }]) => `${after.objects} objects in ${bucket}`);
  const left = [...rows, ...objects];
  if (left.length === 0) return [];
  return [{ code: "counts_left", message: `The receipt says that ${left.join(", ")} are left` }];
}

function placeOf({ sequence, erasure_id }: Receipt) {
  return { sequence, erasureId: erasure_id };
}

function toLink(receipt: Receipt, source: string): ChainLink {
  const { sequence, hash, previous_hash, erasure_id, kind, stage, subject, origin } = receipt;
  return {
    source,
    sequence,
    hash,
    previousHash: previous_hash,
    erasureId: erasure_id,
    stage,
    // What the two receipts of one erasure have in common.
    erasure: [kind, subject, origin, receipt.requested_at].join(" "),
    leftovers: receipt.leftovers.length,
  };
}

function failed(code: FaultCode, message: string): { faults: Finding[] } {
  return { faults: [{ code, message }] };
}

function isCanonical(text: string, json: unknown): boolean {
  try {
    return toCanonicalJson(json) === text;
  } catch {
    return false;
  }
}
