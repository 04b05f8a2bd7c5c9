import { toNfc } from "./plain-text.ts";

const longestFileName = 255;

/** Names that Windows reads as a device whatever follows the first dot. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/**
 * The last part of a file name as a client's device gave it, for display: without path, without
 * control and invisible characters and what Windows refuses (`<>:"|?*`, a dot or blank at the end),
 * a device's name with `_` in front, cut to 255 characters with its extension kept. "video" when
 * nothing is left. No key of an object is ever made of it.
 */
export function sanitizeFileName(name: string): string {
  const last = toNfc(name.toWellFormed()).split(/[/\\]/).at(-1) ?? "";
  const clean = last.replace(/[\p{Cc}\p{Cf}<>:"|?*]/gu, "").replace(/\s+/gu, " ")
    .replace(/[ .]+$/, "").trim();
  const usable = clean === "" ? "video" : deviceName.test(clean) ? `_${clean}` : clean;
  if (usable.length <= longestFileName) return usable;
  const extension = /\.[A-Za-z0-9]{1,8}$/.exec(usable)?.[0] ?? "";
  return usable.slice(0, longestFileName - extension.length).toWellFormed() + extension;
}
