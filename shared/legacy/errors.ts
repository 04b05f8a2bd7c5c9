/**
 * How a step of the move ends early: `usage` for input that is wrong (settings, databases, decision
 * files), `refused` for a state that must not be touched, `outage` for a part that does not answer.
 */
export type LegacyErrorKind = "usage" | "refused" | "outage";

/** A step of the move cannot go on. The message says what happened and what to do. */
export class LegacyError extends Error {
  override readonly name = "LegacyError";

  constructor(readonly kind: LegacyErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
