export { appendReceipt, type ReceiptContext, ReceiptsLostError } from "./append.ts";
export { digestReceipt, toCanonicalJson } from "./canonical.ts";
export {
  type CopyContext,
  type CopyOptions,
  type CopyResult,
  receiptKey,
  repairReceiptCopies,
} from "./copies.ts";
export { ChainChangedError, importReceipts } from "./import.ts";
export {
  openReceiptKeyring,
  openReceiptSigner,
  type PublicReceiptKey,
  ReceiptKeyError,
  type ReceiptKeyring,
  type ReceiptSigner,
} from "./keys.ts";
export {
  type Disposition,
  dispositions,
  type Receipt,
  type ReceiptFacts,
  receiptSchema,
  type ReceiptStage,
} from "./receipt.ts";
export type {
  ChainHead,
  FaultCode,
  ReceiptFault,
  VerificationOptions,
  VerificationReport,
} from "./report.ts";
export { type ReceiptPlace, signReceipt } from "./sign-receipt.ts";
export {
  createPseudonymizer,
  keyedSubject,
  nameSubjectKey,
  type Pseudonymizer,
} from "./subject.ts";
export { createReceiptVerifier, type ReceiptVerifier, verifyReceipts } from "./verify.ts";
