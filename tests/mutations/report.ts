/** One change that must not go unnoticed, and what noticed it. */
export interface Verdict {
  /** Kind of change: `policy`, `grant`, `token check` and the like. */
  kind: string;
  mutation: string;
  /** Name of the test or row that failed; undefined for a survivor. */
  killer: string | undefined;
}

export function formatVerdict({ kind, mutation, killer }: Verdict): string {
  return `${killer ? "killed  " : "SURVIVED"}  ${kind}: ${mutation}${
    killer ? `\n            by ${killer}` : ""
  }`;
}

/** One line a kind, and the survivors. */
export function summarise(verdicts: readonly Verdict[]): string {
  const kinds = Map.groupBy(verdicts, ({ kind }) => kind);
  const survivors = verdicts.filter(({ killer }) => !killer);
  return [
    ...[...kinds].map(([kind, all]) =>
      `${kind}: ${all.length} mutations, ${all.filter(({ killer }) => !killer).length} survived`
    ),
    ...survivors.map(formatVerdict),
    `${verdicts.length} mutations, ${survivors.length} survived`,
  ].join("\n");
}
