/** Rows as aligned columns under their names; a sentence when there are none. */
export function toTable(rows: Record<string, unknown>[], empty: string): string {
  const [first] = rows;
  if (!first) return empty;
  const names = Object.keys(first);
  const cells = rows.map((row) => names.map((name) => toCell(row[name])));
  const widths = names.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0))
  );
  const lines = [names, ...cells].map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()
  );
  return lines.join("\n");
}

function toCell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (!(value instanceof Date)) return toPlainLine(String(value));
  // The driver turns PostgreSQL's infinity into a date that no calendar holds.
  return Number.isNaN(value.getTime()) ? "never" : value.toISOString();
}

/**
 * Text from a database on one line and without what a terminal would obey: a user chooses names, and
 * an escape sequence in one could rewrite the operator's screen.
 */
export function toPlainLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
}

/** A JSON document as every `--json` writes it. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
