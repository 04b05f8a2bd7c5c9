/**
 * Private-use characters that the database puts around a match. They are taken out of the text
 * before, so that a transcript cannot forge a mark.
 */
export const highlightMarks = { start: "\ue000", stop: "\ue001" } as const;

/** Options of ts_headline that produce what {@link readHighlights} reads: the whole text, marked. */
export const headlineOptions =
  `HighlightAll=true,StartSel=${highlightMarks.start},StopSel=${highlightMarks.stop}`;

/** Most fragments of one text. */
const maxFragments = 3;
/** Characters of text on each side of a match; a whole word more, to end between words. */
const context = 60;
const wordSlack = 20;

/** A part of a text, `end` exclusive. */
type Range = [start: number, end: number];

/**
 * The fragments of a text in which something matched, HTML-escaped, each match in `<mark>`.
 * @param marked a ts_headline made with {@link headlineOptions}; null gives an empty list
 * @param runs what else to mark wherever it stands, e.g. Hangul, which ts_headline cannot see
 */
export function readHighlights(marked: string | null, runs: readonly string[] = []): string[] {
  if (marked === null) return [];
  const { text, ranges } = readMarks(marked);
  const matches = mergeRanges([...ranges, ...findRuns(text, runs)], 0);
  const windows = mergeRanges(matches.map((match) => widen(text, match)), 1);
  return windows.slice(0, maxFragments).map((window) => markUp(text, window, matches));
}

/** The text with `& < > " '` as HTML entities. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function readMarks(marked: string): { text: string; ranges: Range[] } {
  const ranges: Range[] = [];
  let text = "";
  for (const [index, part] of marked.split(highlightMarks.start).entries()) {
    const [match = "", ...rest] = part.split(highlightMarks.stop);
    if (index > 0) ranges.push([text.length, text.length + match.length]);
    text += match + rest.join("");
  }
  return { text, ranges };
}

function findRuns(text: string, runs: readonly string[]): Range[] {
  const ranges: Range[] = [];
  for (const run of runs) {
    // The search allows a space where the query has none.
    const pattern = new RegExp([...run].map(escapePattern).join(" ?"), "gu");
    for (const { index, 0: match } of text.matchAll(pattern)) {
      ranges.push([index, index + match.length]);
    }
  }
  return ranges;
}

/** The hosted runtime may lack RegExp.escape. */
function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** The ranges in order, those made one that overlap or are at most `gap` apart. */
function mergeRanges(ranges: Range[], gap: number): Range[] {
  const merged: Range[] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && start <= last[1] + gap) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

function widen(text: string, [start, end]: Range): Range {
  return [widenBefore(text, start - context), widenAfter(text, end + context)];
}

/** The next place to the left where a word begins, or a place inside a word that has no end. */
function widenBefore(text: string, at: number): number {
  if (at <= 0) return 0;
  const space = text.lastIndexOf(" ", at);
  if (at - space <= wordSlack) return space + 1;
  return isLowSurrogate(text, at) ? at - 1 : at;
}

function widenAfter(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const space = text.indexOf(" ", at);
  if (space >= 0 && space - at <= wordSlack) return space;
  if (space < 0 && text.length - at <= wordSlack) return text.length;
  return isLowSurrogate(text, at) ? at + 1 : at;
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}

function markUp(text: string, [from, to]: Range, matches: Range[]): string {
  let html = "";
  let at = from;
  for (const [start, end] of matches) {
    if (start < from || end > to) continue;
    html += escapeHtml(text.slice(at, start));
    html += `<mark>${escapeHtml(text.slice(start, end))}</mark>`;
    at = end;
  }
  return (html + escapeHtml(text.slice(at, to))).trim();
}
