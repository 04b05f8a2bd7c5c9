import { pairedCharacters, pairedRuns, toPairedText } from "./paired-text.ts";

/** A search text as the database takes it; see private.find_scene_candidates. */
export interface TextQuery {
  /** What to look for, in the syntax of to_tsquery. */
  terms: string;
  /** The words and phrases to look for, without operators and without what must not be there. */
  text: string;
  /** Each word with its term, when the query is a plain list of words. */
  parts?: { word: string; term: string }[];
}

/** What to mark in the text of a hit. */
export interface MarkedTerms {
  /** Words that the database finds by their stems, in the syntax of to_tsquery; null for none. */
  terms: string | null;
  /** Runs of Hangul, Kana or Han, which are marked where they stand. */
  runs: string[];
}

/** A search text that was read. */
export interface ParsedQuery {
  query: TextQuery | null;
  marks: MarkedTerms;
}

/**
 * Most different words and phrases of a query that count, most words of one phrase, characters after
 * which no more words or phrases count, most characters of a word ("a-b-c" is one), most terms of a
 * query in which a Korean word may have a space more, most words and runs that are marked, and most
 * characters of a run that are: those that the first 64 pairs make.
 */
export const queryLimits = {
  terms: 64,
  words: 64,
  size: 1000,
  wordLength: 255,
  spacedTerms: 8,
  marks: 128,
  runLength: 65,
} as const;

interface Term {
  /** Words as they were written, in Unicode NFKC. */
  text: string;
  quoted: boolean;
  negated: boolean;
  /** Words as the index has them. */
  tokens: string[];
}

/** Words of Hangul that may be two. */
const spaced = /^\p{Script=Hangul}{3,12}$/u;
const usable = /[\p{L}\p{N}]/u;
const token = /(-?)(?:"([^"]*)"?|([^\s"]+))/gu;

/**
 * Reads a search text: words that must all be there, `"a phrase"`, `-without`, `this or that`.
 * Everything else is data. `query` is null when no word is left to look for: a text of punctuation,
 * or one that only says what must not be there.
 * @param text see normalizeQuery
 */
export function parseQuery(text: string): ParsedQuery {
  const groups = readGroups(text).filter((group) => group.some((term) => !term.negated));
  const wanted = groups.flat().filter((term) => !term.negated);
  return {
    query: groups.length === 0 ? null : toTextQuery(groups, wanted),
    marks: toMarks(wanted),
  };
}

function toTextQuery(groups: Term[][], wanted: Term[]): TextQuery {
  const toOperand = groups.flat().length > queryLimits.spacedTerms ? toPhrase : toSpacedPhrase;
  const terms = groups
    .map((group) => group.map((term) => (term.negated ? "!" : "") + toOperand(term)).join(" & "))
    .join(" | ");
  const words = wanted.map((term) => term.text).join(" ");
  const isList = groups.length === 1 &&
    groups[0]?.every((term) => !term.negated && !term.quoted) === true;
  if (!isList) return { terms, text: words };
  return {
    terms,
    text: words,
    parts: wanted.map((term) => ({ word: term.text, term: toOperand(term) })),
  };
}

function toMarks(wanted: Term[]): MarkedTerms {
  const texts = wanted.map((term) => term.text);
  const runs = new Set(
    texts.flatMap((one) => one.match(pairedRuns) ?? [])
      .map((run) => [...run].slice(0, queryLimits.runLength).join("")),
  );
  const words = new Set(
    texts.flatMap((one) => one.replace(pairedRuns, " ").split(/\s+/u))
      .filter((word) => usable.test(word)),
  );
  return {
    terms: words.size === 0 ? null : take(words).map(quote).join(" | "),
    runs: take(runs).sort((a, b) => b.length - a.length),
  };
}

/** Marking looks for each in every hit, so that phrases of thousands of words would take seconds. */
function take(marks: Set<string>): string[] {
  return [...marks].slice(0, queryLimits.marks);
}

/** Alternatives of terms that must all be there, each term once. */
function readGroups(text: string): Term[][] {
  const groups: Term[][] = [[]];
  const seen = new Set<string>();
  let size = 0;
  for (const [whole, minus, phrase, word] of text.normalize("NFKC").matchAll(token)) {
    if (whole.toLowerCase() === "or") {
      groups.push([]);
      seen.clear();
      continue;
    }
    const term = toTerm(phrase ?? word ?? "", phrase !== undefined, minus === "-");
    const key = `${term.negated}${term.tokens.join(" ")}`;
    if (term.tokens.length === 0 || seen.has(key)) continue;
    seen.add(key);
    groups.at(-1)?.push(term);
    size += toPhrase(term).length;
    // The database compares each candidate with every word.
    if (groups.flat().length === queryLimits.terms || size >= queryLimits.size) break;
  }
  return groups;
}

function toTerm(text: string, quoted: boolean, negated: boolean): Term {
  const words = text.split(/\s+/u).filter((word) => usable.test(word)).slice(0, queryLimits.words);
  return { text: words.join(" "), quoted, negated, tokens: toTokens(words.join(" ")) };
}

function toTokens(text: string): string[] {
  return toPairedText(text).split(/\s+/u).filter((word) => usable.test(word))
    .map((word) => [...word].slice(0, queryLimits.wordLength).join(""));
}

/** Where Korean puts a space is a matter of taste: one is allowed wherever a word has none. */
function toSpacedPhrase(term: Term): string {
  if (term.quoted || !spaced.test(term.text)) return toPhrase(term);
  const letters = [...term.text];
  const ways = letters.map((_, at) => [letters.slice(0, at), letters.slice(at)])
    .map(([before = [], after = []]) => toTokens(`${before.join("")} ${after.join("")}`));
  return `(${ways.map((tokens) => toPhrase({ tokens })).join(" | ")})`;
}

/**
 * The first character of a run and the last one stand in the index to close it off from its
 * neighbours; at the ends of a term they would ask for a whole word. One character alone is the
 * beginning of a pair.
 */
function toPhrase({ tokens }: Pick<Term, "tokens">): string {
  const inner = tokens.slice(
    isPaired(tokens[0]) ? 1 : 0,
    isPaired(tokens.at(-1)) ? -1 : undefined,
  ).slice(0, queryLimits.words);
  return inner.length > 0 ? quote(inner.join(" ")) : `${quote(tokens[0] ?? "")}:*`;
}

const isPaired = (word: string | undefined) => word !== undefined && pairedCharacters.test(word);

/** An operand of to_tsquery: nothing in it is syntax. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}
