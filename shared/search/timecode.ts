/**
 * Time code `HH:MM:SS.mmm` of a position in seconds, rounded to milliseconds. Hours take more than
 * two digits when they need them. Negative and non-finite positions throw a RangeError.
 */
export function formatTimecode(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw new RangeError(`Position "${seconds}" is not a time in seconds`);
  }
  const total = Math.round(seconds * 1000);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const hours = Math.floor(total / 3_600_000);
  const minutes = Math.floor(total / 60_000) % 60;
  const wholeSeconds = Math.floor(total / 1000) % 60;
  return `${pad(hours)}:${pad(minutes)}:${pad(wholeSeconds)}.${pad(total % 1000, 3)}`;
}
