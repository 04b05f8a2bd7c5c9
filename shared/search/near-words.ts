const words = /[\p{L}\p{N}]+/gu;

/** Titles that differ from the query by a letter stand from here on in the metadata branch. */
export const firstNearRank = 2001;

/**
 * Whether one word becomes the other by one letter: wrong, missing, too many, or swapped with its
 * neighbour. Letters are those of Unicode NFD without case, so that a Hangul syllable has two or
 * three. The longer word has four letters at least; one with a digit is near itself only. The
 * database decides the same (private.is_near).
 */
export function isNear(word: string, other: string): boolean {
  const [a, b] = [toLetters(word), toLetters(other)].sort((x, y) => x.length - y.length);
  if (!a || !b) return false;
  if (a.join("") === b.join("")) return true;
  if (b.length < 4 || b.length - a.length > 1 || /\d/.test(word + other)) return false;
  const at = b.findIndex((letter, index) => letter !== a[index]);
  const rest = (letters: string[], from: number) => letters.slice(from).join("");
  if (a.length < b.length) return rest(a, at) === rest(b, at + 1);
  return rest(a, at + 1) === rest(b, at + 1) ||
    (a[at] === b[at + 1] && a[at + 1] === b[at] && rest(a, at + 2) === rest(b, at + 2));
}

/** The words of a title that one of the words of a query nearly is, as they are written. */
export function findNearWords(title: string, query: string): string[] {
  const asked = query.match(words) ?? [];
  return (title.match(words) ?? []).filter((word) => asked.some((one) => isNear(word, one)));
}

function toLetters(word: string): string[] {
  return [...word.normalize("NFKC").toLowerCase().normalize("NFD")];
}
