import * as z from "zod";
import { later } from "../../later.ts";

/** Format of the receipts written now. A change of meaning takes the next number. */
export const receiptVersion = 1;

const uuid = /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/i;

/** Texts of a receipt are kept for good, so what could name somebody never gets in. */
const impersonal = later(() =>
  z.string().min(1).max(300).refine(
    (text) => !uuid.test(text) && !text.includes("@"),
    "must hold no UUID and no address",
  )
);
const hex256 = later(() =>
  z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits in lower case")
);
const time = later(() => z.iso.datetime({ precision: 3 }));
const count = later(() => z.number().int().nonnegative());
const tableName = later(() => impersonal.regex(/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/));
const bucketName = later(() => impersonal.regex(/^[a-z0-9][a-z0-9._-]*$/));

const objectCount = later(() => z.strictObject({ objects: count, bytes: count }));

/**
 * What becomes of the rows of a table or the objects of a bucket: deleted, kept without the person,
 * or kept for a reason that the manifest states.
 */
export const dispositions = ["erase", "anonymise", "retain"] as const;

/** One of `dispositions`. */
export type Disposition = typeof dispositions[number];

const tableEntry = later(() =>
  z.strictObject({
    before: count,
    after: count,
    disposition: z.enum(dispositions),
  })
);

const bucketEntry = later(() =>
  z.strictObject({
    before: objectCount,
    after: objectCount,
    disposition: z.enum(dispositions),
  })
);

/** A receipt without its hash and signature: what the hash is taken over. */
export const receiptBodySchema = later(() =>
  z.strictObject({
    version: z.literal(receiptVersion),
    sequence: z.number().int().positive(),
    erasure_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    kind: z.enum(["user", "person"]),
    stage: z.enum(["provisional", "final"]),
    subject: hex256,
    subject_key: hex256,
    origin: z.enum(["account", "event", "webhook", "orphan", "reapply", "person"]),
    requested_at: time,
    started_at: time,
    finished_at: time,
    issued_at: time,
    manifest_hash: hex256,
    tables: z.record(tableName, tableEntry),
    buckets: z.record(bucketName, bucketEntry),
    leftovers: z.array(z.strictObject({ what: impersonal, reason: impersonal })),
    previous_hash: hex256.nullable(),
  })
);

/** A complete receipt as it is stored, one JSON document. No other member is allowed. */
export const receiptSchema = later(() =>
  receiptBodySchema.extend({
    hash: hex256,
    signature: z.strictObject({
      alg: z.literal("Ed25519"),
      kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
      value: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
    }),
  })
);

/** What a hash is taken over. Shape: `docs/erasure.md`, receipts. */
export type ReceiptBody = z.infer<typeof receiptBodySchema>;

/**
 * The proof that an erasure took place, linked to the one before and signed. Times are UTC with
 * milliseconds, hashes hexadecimal SHA-256, counts rows, objects and bytes. It names nobody:
 * `subject` is an HMAC that only the holder of HEIMDEX_PSEUDONYM_KEY can make from an id.
 */
export type Receipt = z.infer<typeof receiptSchema>;

/** First when the user's data is gone, last when the late sweep found nothing more. */
export type ReceiptStage = Receipt["stage"];

/** What the engine knows of an erasure when it asks for a receipt. */
export interface ReceiptFacts {
  readonly erasureId: string;
  readonly kind: Receipt["kind"];
  readonly stage: ReceiptStage;
  /** Of `keyedSubject`. */
  readonly subject: string;
  /** Of `nameSubjectKey`. */
  readonly subjectKey: string;
  readonly origin: Receipt["origin"];
  readonly requestedAt: Date;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Hexadecimal SHA-256 of the manifest the erasure followed. */
  readonly manifestHash: string;
  readonly tables: Readonly<
    Record<string, { before: number; after: number; disposition: Disposition }>
  >;
  readonly buckets: Readonly<
    Record<string, {
      before: { objects: number; bytes: number };
      after: { objects: number; bytes: number };
      disposition: Disposition;
    }>
  >;
  /** What the project's role may not delete, in words that name nobody. */
  readonly leftovers: readonly { readonly what: string; readonly reason: string }[];
}
