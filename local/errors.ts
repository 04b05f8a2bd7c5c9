/** A start or stop that failed for a reason the reader can act on; the message is one sentence that says what to do. */
export class LocalStackError extends Error {
  override name = "LocalStackError";
}

/** Text of whatever was thrown, for use inside a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
