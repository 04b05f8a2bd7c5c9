import { refuse } from "./errors.ts";

export interface ByteRange {
  start: number;
  /** Inclusive, as in the header. */
  end: number;
}

/**
 * The one range a `Range` header asks for, or null to send everything: no header, a form that is
 * not understood, or several ranges (a server may answer those with the whole).
 */
export function readRange(header: string | null, size: number): ByteRange | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return null;
  const range = match[1] === ""
    ? { start: Math.max(0, size - Number(match[2])), end: size - 1 }
    : { start: Number(match[1]), end: Math.min(readEnd(match[2], size), size - 1) };
  if (match[1] === "" && Number(match[2]) === 0) throw refuse.invalidRange(size);
  if (range.start >= size || range.end < range.start) throw refuse.invalidRange(size);
  return range;
}

function readEnd(text: string | undefined, size: number): number {
  return text === undefined || text === "" ? size - 1 : Number(text);
}
