/** The steps of an erasure in their order; `private.erasures.step` names the one under way. */
export const stepNames = [
  "tombstone",
  "sessions",
  "collect",
  "hand-over",
  "rows",
  "objects",
  "leftovers",
  "verify",
  "receipt",
] as const;

/** One of `stepNames`. */
export type StepName = typeof stepNames[number];

/** What is erased: everything of a user, or one person a user had named. */
export type ErasureKind = "user" | "person";

/** The road by which an erasure was asked for; the first one stays when others join. */
export type ErasureOrigin = "account" | "event" | "webhook" | "orphan" | "reapply" | "person";

/**
 * Where an erasure can stand. `scheduled` waits for its time, `held` for an operator, `dead` gave up
 * after too many tries and waits for `heimdex erasure retry`.
 */
export const erasureStates = [
  "scheduled",
  "held",
  "pending",
  "running",
  "provisional",
  "final",
  "cancelled",
  "dead",
] as const;

/** One of `erasureStates`. */
export type ErasureState = typeof erasureStates[number];

/** Objects of one bucket, with their size as Storage records it. */
export interface ObjectCount {
  readonly objects: number;
  readonly bytes: number;
}

/** Rows per table (`schema.table`) and objects per bucket. Zeros are written out. */
export interface Counts {
  readonly tables: Readonly<Record<string, number>>;
  readonly buckets: Readonly<Record<string, ObjectCount>>;
}

/** Something the project's role may not delete, in words without personal data. */
export interface Leftover {
  readonly what: string;
  readonly reason: string;
}

/** One row of `private.erasures`. */
export interface Erasure {
  readonly erasureId: string;
  readonly kind: ErasureKind;
  /** Null once the erasure is final. */
  readonly userId: string | null;
  readonly personId: string | null;
  /** Hex HMAC-SHA256 of `kind:id`; null until the first run. */
  readonly subject: string | null;
  readonly origin: ErasureOrigin;
  readonly state: ErasureState;
  readonly step: StepName | null;
  readonly requestedAt: Date;
  readonly effectiveAt: Date;
  readonly startedAt: Date | null;
  readonly provisionalAt: Date | null;
  readonly lateSweepAt: Date | null;
  readonly finishedAt: Date | null;
  /** Failed runs since the last receipt or retry; outages are left out. */
  readonly attempts: number;
  readonly nextAttemptAt: Date;
  readonly leasedUntil: Date | null;
  /** An error code or an error's name, never a text that could hold personal data. */
  readonly lastError: string | null;
  readonly countsBefore: Counts | null;
  readonly countsAfter: Counts | null;
  /** What runs took away so far, rows and objects handed over included. */
  readonly erased: Counts | null;
  readonly leftovers: readonly Leftover[];
}
