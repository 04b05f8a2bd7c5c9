/** What can be wrong with receipts. `docs/erasure.md` says what each means. */
export type FaultCode =
  | "empty"
  | "unreadable"
  | "malformed"
  | "not_canonical"
  | "hash_wrong"
  | "key_unknown"
  | "signature_wrong"
  | "counts_left"
  | "out_of_order"
  | "start_missing"
  | "gap"
  | "fork"
  | "chain_broken"
  | "stage_repeated"
  | "provisional_missing"
  | "stages_differ"
  | "head_differs";

/** One fault, with the receipt it was found at as far as that is known. */
export interface ReceiptFault {
  readonly code: FaultCode;
  /** One sentence, without values of the receipt but its sequence, erasure id and names of tables. */
  readonly message: string;
  /** Where the receipt was read: what the caller named it, else its place in the list from 1. */
  readonly source?: string;
  readonly sequence?: number;
  readonly erasureId?: string;
}

/** The last receipt of a chain; written down elsewhere it shows that later ones were cut off. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** What verification found. `valid` is true when there is no fault. */
export interface VerificationReport {
  readonly valid: boolean;
  /** Different receipts read; exact repetitions count once. */
  readonly receipts: number;
  /** True when gaps were accepted: the receipts are genuine, the chain between them is not shown. */
  readonly excerpt: boolean;
  readonly first: number | null;
  readonly head: ChainHead | null;
  /** Erasures by the last stage seen. */
  readonly erasures: { readonly provisional: number; readonly final: number };
  /** What receipts name as left behind because the project's role may not delete it. */
  readonly leftovers: number;
  readonly faults: readonly ReceiptFault[];
}

/** How strictly a chain is checked. */
export interface VerificationOptions {
  /**
   * Accepts a chain with receipts left out, for somebody who holds only those of one erasure.
   * Default: true for a single receipt, else false.
   */
  readonly excerpt?: boolean;
  /** Hash that the last receipt must have. Without it nobody can see that the newest were cut off. */
  readonly head?: string;
}
