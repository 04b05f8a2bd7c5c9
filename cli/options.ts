import { InvalidArgumentError } from "commander";

/** Parser of an option that is a whole number between two bounds. */
export function wholeNumber(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

/** Parser of an option that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Parser of an option that is one of some words and may be given several times. */
export function oneOf(words: readonly string[]): (value: string, before?: string[]) => string[] {
  return (value, before = []) => {
    if (!words.includes(value)) {
      throw new InvalidArgumentError(`Give one of ${words.join(", ")}`);
    }
    return [...before, value];
  };
}

/** Parser of an option that is a day, or a time with its zone; a day begins in UTC. */
export function readTime(value: string): Date {
  const time = new Date(value);
  const isFull = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(value);
  if (isFull && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    "Give a day, or a time with its zone such as 2026-11-22T20:00:00Z",
  );
}

/** Parser of an option that is a day of the calendar, kept as YYYY-MM-DD. */
export function readDay(value: string): string {
  const time = new Date(`${value}T00:00:00Z`);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(time.getTime());
  if (isDay && time.toISOString().startsWith(value)) return value;
  throw new InvalidArgumentError("Give a day such as 2026-11-22");
}
