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
