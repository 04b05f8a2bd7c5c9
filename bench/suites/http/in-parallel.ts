/** Does the work for every input, so many at once. */
export async function inParallel<T>(
  inputs: readonly T[],
  atOnce: number,
  work: (input: T) => Promise<unknown>,
): Promise<void> {
  const waiting = inputs.values();
  const lane = async () => {
    for (const input of waiting) await work(input);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
