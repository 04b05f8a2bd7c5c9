import { toNfc } from "../text/plain-text.ts";

/** Longest search text in characters (UTF-16 code units) after normalisation. */
export const maxQueryLength = 10_000;

// Not one of these may stand in a PostgreSQL text or help a match: NUL, other control characters,
// and the private-use marks that highlighting reserves.
// deno-lint-ignore no-control-regex
const unusable = /[\u0000-\u001f\u007f\ue000-\ue002]+/g;

/**
 * The search text as it is sent to the database and hashed into cursors: Unicode NFC, lone
 * surrogates replaced, control characters turned to spaces, runs of white space made one, ends
 * trimmed. Operators of the websearch syntax stay as they are: they are data. May be empty.
 */
export function normalizeQuery(text: string): string {
  return toNfc(text.toWellFormed()).replace(unusable, " ").replace(/\s+/gu, " ").trim();
}
