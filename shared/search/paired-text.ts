// The same ranges as private.to_search_text: Hangul, Kana and Han with their marks of repetition.
const ranges = "\\u1100-\\u11ff\\u3005-\\u3007\\u3031-\\u3035\\u3041-\\u3096\\u309d-\\u309f" +
  "\\u30a1-\\u30fa\\u30fc-\\u30ff\\u3131-\\u318e\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff" +
  "\\ua960-\\ua97c\\uac00-\\ud7fb\\uf900-\\ufaff\\u{20000}-\\u{323af}";

/** One character of a script that PostgreSQL neither stems nor splits into words. */
const pairedCharacter = new RegExp(`[${ranges}]`, "gu");

/** Runs of such characters; for match and replace. */
export const pairedRuns: RegExp = new RegExp(`[${ranges}]+`, "gu");

/** Whether a word is one such character. */
export const pairedCharacters: RegExp = new RegExp(`^[${ranges}]$`, "u");

/**
 * A text as the index has it: each run of Hangul, Kana or Han as its first character, its pairs and
 * its last character, so that "abcd" reads "a ab bc cd d". The database does the same to what it
 * indexes (private.to_search_text). `text` is in Unicode NFKC.
 */
export function toPairedText(text: string): string {
  return text.replace(pairedRuns, " $& ").replace(pairedCharacter, "$& $&");
}
