import { parseText, parseVTTTimestamp } from "media-captions";
import { AppError } from "../../../shared/errors/app-error.ts";
import { cleanLine } from "../../../shared/text/plain-text.ts";

/** Format of a caption file. */
export type CaptionFormat = "vtt" | "srt";

/** One caption as a scene: times in seconds, text without markup on one line. */
export interface CaptionScene {
  startS: number;
  endS: number;
  text: string;
}

interface LineFault {
  line: number;
  message: string;
}

const formats: Record<string, CaptionFormat> = {
  "text/vtt": "vtt",
  "application/x-subrip": "srt",
};
const mostFaults = 20;
const mostCues = 20_000;
const mostLines = 250_000;
// PostgreSQL refuses to index a text of about a megabyte.
const mostCueCharacters = 10_000;

/** Largest caption file in bytes: 5 MiB. */
export const maxCaptionBytes = 5 * 1024 * 1024;

const timingLine = /^\s*([\d:.,]+)\s+-->\s+([\d:.,]+)/;

/** Format that a Content-Type stands for; throws `unsupported_media_type` for any other type. */
export function readCaptionFormat(contentType: string | undefined): CaptionFormat {
  const format = formats[(contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? ""];
  if (format) return format;
  throw new AppError(
    "unsupported_media_type",
    'Captions must be sent as "text/vtt" or "application/x-subrip"',
  );
}

/**
 * Scenes of a caption file, one for each cue with text, in the order of the file. Anything that
 * would lose a cue throws `captions_invalid` with the line of each fault.
 */
export async function parseCaptions(
  bytes: Uint8Array<ArrayBuffer>,
  format: CaptionFormat,
): Promise<CaptionScene[]> {
  const lines = decodeLines(bytes);
  if (lines.length > mostLines) {
    throw toInvalid([{ line: mostLines + 1, message: `There are more than ${mostLines} lines` }]);
  }
  const faults = [...findStructureFaults(lines, format)];
  const { cues, errors } = await parseText(lines.join("\n"), {
    type: format,
    errors: true,
    strict: false,
  });
  for (const error of errors) {
    // A setting that a player does not know changes where a cue stands, never what it says.
    const line = lines[error.line - 1] ?? "";
    if (!line.includes("-->") || faults.some((fault) => fault.line === error.line)) continue;
    if (timesOf(line) === null) {
      faults.push({ line: error.line, message: `Cue times "${clip(line)}" are not valid` });
    }
  }
  if (faults.length > 0) throw toInvalid(faults);
  const scenes = cues.map((cue) => ({
    startS: roundToMilliseconds(cue.startTime),
    endS: roundToMilliseconds(cue.endTime),
    text: toPlainText(cue.text),
  })).filter((scene) => scene.text !== "");
  if (scenes.length === 0) throw toInvalid([{ line: 1, message: "There is no cue with text" }]);
  return scenes;
}

function decodeLines(bytes: Uint8Array<ArrayBuffer>): string[] {
  try {
    // The decoder drops a byte order mark, which media-captions would take for text.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.replaceAll("\0", "\ufffd").split(/\r\n|\n|\r/).map((line) => line.trimEnd());
  } catch {
    throw toInvalid([{ line: 1, message: "The file is not UTF-8 text" }]);
  }
}

/** Lines between two blank ones: a cue, a note, a style, or the header of a WebVTT file. */
interface Block {
  firstLine: number;
  lines: string[];
  /** No cue may stand in it. */
  closed: boolean;
}

function* splitBlocks(lines: string[], format: CaptionFormat): Generator<Block> {
  let block: Block | undefined;
  for (const [index, line] of [...lines, ""].entries()) {
    if (line !== "") {
      const closed = format === "vtt" && (index === 0 || /^(?:NOTE|STYLE|REGION)\b/.test(line));
      block ??= { firstLine: index + 1, lines: [], closed };
      block.lines.push(line);
    } else if (block) {
      yield block;
      block = undefined;
    }
  }
}

// media-captions passes over what it cannot place: a cue that follows without a blank line turns
// into text or header, a cue that ends before it starts vanishes. Here those are faults.
function* findStructureFaults(lines: string[], format: CaptionFormat): Generator<LineFault> {
  if (format === "vtt" && !/^WEBVTT(?:[ \t]|$)/.test(lines[0] ?? "")) {
    yield { line: 1, message: 'A WebVTT file must start with the line "WEBVTT"' };
    return;
  }
  let cues = 0;
  for (const block of splitBlocks(lines, format)) {
    const cueIndex = findCue(block);
    yield* findBlockFaults(block, cueIndex);
    if (cueIndex !== -1) cues += 1;
    if (cueIndex !== -1 && cues === mostCues + 1) {
      yield { line: block.firstLine, message: `There are more than ${mostCues} cues` };
    }
  }
}

/** Index of the line with the times, which is the first or stands below an identifier; else -1. */
function findCue({ lines, closed }: Block): number {
  return closed ? -1 : lines.slice(0, 2).findIndex((line) => line.includes("-->"));
}

function* findBlockFaults(block: Block, cueIndex: number): Generator<LineFault> {
  const { firstLine, lines, closed } = block;
  const stray = lines.findIndex((line, index) => index !== cueIndex && timingLine.test(line));
  if (stray !== -1) {
    yield { line: firstLine + stray, message: "A blank line is missing before this cue" };
  } else if (cueIndex === -1 && !closed) {
    yield { line: firstLine, message: "Text stands outside a cue" };
  }
  if (cueIndex === -1) return;
  const times = timesOf(lines[cueIndex] ?? "");
  if (times && times.end <= times.start) {
    yield { line: firstLine + cueIndex, message: "The cue must end after it starts" };
  }
  const characters = lines.slice(cueIndex + 1).reduce((sum, line) => sum + line.length, 0);
  if (characters > mostCueCharacters) {
    const line = firstLine + cueIndex;
    yield { line, message: `The cue has more than ${mostCueCharacters} characters` };
  }
}

function timesOf(line: string): { start: number; end: number } | null {
  const [, startText, endText] = timingLine.exec(line) ?? [];
  if (startText === undefined || endText === undefined) return null;
  const start = parseVTTTimestamp(startText.replace(",", "."));
  const end = parseVTTTimestamp(endText.replace(",", "."));
  return start === null || end === null ? null : { start, end };
}

// media-captions adds hours, minutes and seconds as floating point numbers.
function roundToMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

const entities: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&nbsp;": " ",
  "&lrm;": "",
  "&rlm;": "",
};

// No part of a pattern here may run past the next bracket: on text full of opening ones the time
// would grow with the square of its length.
function toPlainText(text: string): string {
  const plain = text
    .replace(/<\/?(?:c|i|b|u|v|lang|ruby|rt|font)(?:[.\s][^<>]*)?>|<\d{2}:[\d:.]+>/gi, "")
    .replace(/\{\\[^{}]*\}/g, "")
    .replace(/&(?:amp|lt|gt|nbsp|lrm|rlm);/g, (entity) => entities[entity] ?? entity)
    .replace(/\s+/g, " ");
  return cleanLine(plain);
}

function toInvalid(faults: LineFault[]): AppError {
  const sorted = [...faults].sort((a, b) => a.line - b.line).slice(0, mostFaults);
  const first = sorted[0];
  const detail = first
    ? `The captions do not parse: line ${first.line}: ${first.message}`
    : "The captions do not parse";
  return new AppError("captions_invalid", detail, {
    errors: sorted.map(({ line, message }) => ({ path: `line ${line}`, message })),
  });
}

function clip(line: string): string {
  return line.length > 80 ? `${line.slice(0, 80)}...` : line;
}
