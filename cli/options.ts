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
