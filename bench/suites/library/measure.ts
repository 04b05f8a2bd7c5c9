import type { BenchCase } from "../../harness.ts";

/** Milliseconds of each operation, one after the other. */
export async function timeEach<T>(
  inputs: Iterable<T>,
  operation: (input: T) => Promise<unknown>,
): Promise<number[]> {
  const times = [];
  for (const input of inputs) {
    const started = performance.now();
    await operation(input);
    times.push(performance.now() - started);
  }
  return times;
}

/** The smallest value that this share of all values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.ceil(sorted.length * share) - 1];
  if (value === undefined) throw new RangeError("Cannot take a percentile of no values");
  return value;
}

/** Times of one round of a side, from which several cases take their figure. */
export type Round = () => Promise<number[]>;

/**
 * Cases on the same times: the first one measures, and each later one takes its figure from what
 * was measured then.
 */
export function shareRounds(
  sides: { ours: Round; baseline: Round },
  cases: (Omit<BenchCase, "ours" | "baseline"> & { figure: (times: number[]) => number })[],
): BenchCase[] {
  const measured = { ours: [] as number[][], baseline: [] as number[][] };
  return cases.map(({ figure, ...rest }, index) => {
    const side = (name: keyof typeof sides) => {
      const waiting = measured[name].values();
      return async () => {
        if (index === 0) measured[name].push(await sides[name]());
        const times = index === 0 ? measured[name].at(-1) : waiting.next().value;
        if (times === undefined) throw new Error("The first case made fewer rounds");
        return figure(times);
      };
    };
    return { ...rest, ours: side("ours"), baseline: side("baseline") };
  });
}
