/**
 * Private-use characters that the database puts around a match and between fragments. They are
 * taken out of the text before, so that a transcript cannot forge a mark.
 */
export const highlightMarks = { start: "\ue000", stop: "\ue001", delimiter: "\ue002" } as const;

/** Options of ts_headline that produce what {@link readHighlights} reads. */
export const headlineOptions = [
  `StartSel=${highlightMarks.start}`,
  `StopSel=${highlightMarks.stop}`,
  `FragmentDelimiter=${highlightMarks.delimiter}`,
  "MaxFragments=3",
  "MaxWords=18",
  "MinWords=5",
  // Else a fragment loses the short words at its ends.
  "ShortWord=0",
].join(",");

/**
 * Fragments of a marked text in which something matched, HTML-escaped, each match in `<mark>`.
 * `marked` is a ts_headline made with {@link headlineOptions}; null and text without a match give
 * an empty list.
 */
export function readHighlights(marked: string | null): string[] {
  if (marked === null) return [];
  return marked.split(highlightMarks.delimiter)
    .filter((fragment) => fragment.includes(highlightMarks.start))
    .map((fragment) =>
      escapeHtml(fragment.trim())
        .replaceAll(highlightMarks.start, "<mark>")
        .replaceAll(highlightMarks.stop, "</mark>")
    );
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
