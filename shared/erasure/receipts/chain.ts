import type { ReceiptStage } from "./receipt.ts";
import type { FaultCode, ReceiptFault, VerificationOptions, VerificationReport } from "./report.ts";

/** What the chain needs of one receipt. */
export interface ChainLink {
  readonly source: string;
  readonly sequence: number;
  readonly hash: string;
  readonly previousHash: string | null;
  readonly erasureId: string;
  readonly stage: ReceiptStage;
  /** Equal in the two receipts of one erasure. */
  readonly erasure: string;
  readonly leftovers: number;
}

/** What the links show together. */
export interface ChainFindings {
  readonly faults: ReceiptFault[];
  readonly summary: Omit<VerificationReport, "valid" | "faults">;
}

/** Checks how receipts hang together; each was checked by itself before. */
export function checkChain(given: readonly ChainLink[], options: VerificationOptions) {
  const links = withoutRepetitions(given);
  const excerpt = options.excerpt ?? links.length === 1;
  const last = links.at(-1);
  const faults = [
    ...checkEnds(links, { ...options, excerpt }),
    ...links.flatMap((link, index) => checkStep(links[index - 1], link, excerpt)),
    ...checkStages(links, excerpt),
  ];
  const findings: ChainFindings = {
    faults,
    summary: {
      receipts: links.length,
      excerpt,
      first: links[0]?.sequence ?? null,
      head: last ? { sequence: last.sequence, hash: last.hash } : null,
      erasures: countErasures(links),
      leftovers: links.reduce((sum, link) => sum + link.leftovers, 0),
    },
  };
  return findings;
}

/** In the order of the chain; the same receipt read twice, from a copy perhaps, counts once. */
function withoutRepetitions(links: readonly ChainLink[]): ChainLink[] {
  const known = new Set<string>();
  const different = links.filter(({ hash }) => !known.has(hash) && known.add(hash));
  return different.sort((a, b) => a.sequence - b.sequence);
}

function checkEnds(links: ChainLink[], options: VerificationOptions): ReceiptFault[] {
  const first = links[0];
  const last = links.at(-1);
  if (!first || !last) return [{ code: "empty", message: "There is no receipt to verify" }];
  const faults: ReceiptFault[] = [];
  if (first.sequence > 1 && !options.excerpt) {
    const missing = `Receipts 1 to ${first.sequence - 1} are missing`;
    faults.push(at(first, "start_missing", missing));
  }
  if (options.head !== undefined && last.hash !== options.head.toLowerCase()) {
    faults.push(at(last, "head_differs", "The last receipt is not the one that was expected"));
  }
  return faults;
}

function checkStep(
  previous: ChainLink | undefined,
  link: ChainLink,
  excerpt: boolean,
): ReceiptFault[] {
  if ((link.sequence === 1) !== (link.previousHash === null)) {
    return [at(link, "chain_broken", "Only the first receipt has none before it")];
  }
  if (!previous) return [];
  if (previous.sequence === link.sequence) {
    return [at(link, "fork", `There are two different receipts ${link.sequence}`)];
  }
  if (previous.sequence + 1 < link.sequence) {
    return excerpt ? [] : [at(link, "gap", describeGap(previous.sequence, link.sequence))];
  }
  if (link.previousHash === previous.hash) return [];
  return [at(link, "chain_broken", `Receipt ${link.sequence} does not follow the one before it`)];
}

function describeGap(before: number, after: number): string {
  const [from, to] = [before + 1, after - 1];
  return from === to ? `Receipt ${from} is missing` : `Receipts ${from} to ${to} are missing`;
}

function checkStages(links: ChainLink[], excerpt: boolean): ReceiptFault[] {
  const faults: ReceiptFault[] = [];
  for (const group of Map.groupBy(links, (link) => link.erasureId).values()) {
    const [provisional, ...provisionals] = group.filter((link) => link.stage === "provisional");
    const [final, ...finals] = group.filter((link) => link.stage === "final");
    for (const link of [...provisionals, ...finals]) {
      faults.push(at(link, "stage_repeated", `The erasure has two ${link.stage} receipts`));
    }
    if (!final) continue;
    if (!provisional) {
      if (excerpt) continue;
      faults.push(at(final, "provisional_missing", "The erasure has no provisional receipt"));
    } else if (
      provisional.sequence > final.sequence || provisional.erasure !== final.erasure
    ) {
      faults.push(at(final, "stages_differ", "The two receipts of the erasure do not agree"));
    }
  }
  return faults;
}

function countErasures(links: ChainLink[]): { provisional: number; final: number } {
  const final = new Set(links.filter((l) => l.stage === "final").map((l) => l.erasureId));
  const all = new Set(links.map((link) => link.erasureId));
  return { provisional: all.size - final.size, final: final.size };
}

function at(link: ChainLink, code: FaultCode, message: string): ReceiptFault {
  return {
    code,
    message,
    source: link.source,
    sequence: link.sequence,
    erasureId: link.erasureId,
  };
}
