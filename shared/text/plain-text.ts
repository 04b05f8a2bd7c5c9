/**
 * Characters that say how text around them is drawn, not what it says: embeddings, overrides and
 * isolates of writing direction (UAX #9). With them a name reads as another one, and "gpj.exe" as
 * "exe.jpg". The plain marks of right-to-left writing (U+061C, U+200E, U+200F) may stay.
 */
const directionControls = "\\u202a-\\u202e\\u2066-\\u2069";

const unusableInLine = new RegExp(`[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}${directionControls}]`, "u");
const unusable = new RegExp(`[\\p{Cc}\\p{Cs}${directionControls}]`, "gu");
const lineBreaks = /[\t\n\r\f\v\u0085\u2028\u2029]+/g;

/**
 * Whether a text may stand as a name: no control characters, no breaks of lines, no half surrogate
 * pairs and nothing that turns the writing direction.
 */
export function isPlainName(text: string): boolean {
  return !unusableInLine.test(text);
}

const crowdedMarks = /(\p{M}{30})\p{M}+/gu;

/**
 * Unicode NFC. More than 30 marks on one letter are cut first, as UAX #15 has it for streams: no
 * writing uses as many, and to order them takes time that grows with the square of their count.
 */
export function toNfc(text: string): string {
  return text.replace(crowdedMarks, "$1").normalize("NFC");
}

/** A text of one line: Unicode NFC, breaks made spaces, unusable characters left out, trimmed. */
export function cleanLine(text: string): string {
  return toNfc(text.toWellFormed()).replace(lineBreaks, " ").replace(unusable, "").trim();
}

/** A text of many lines: Unicode NFC, `\n` and tabs kept, unusable characters left out, trimmed. */
export function cleanText(text: string): string {
  return toNfc(text.toWellFormed()).replace(/\r\n?|[\u0085\u2028\u2029]/g, "\n")
    .replace(unusable, (character) => character === "\n" || character === "\t" ? character : "")
    .trim();
}
