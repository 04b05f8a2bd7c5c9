/** `npm run test:long` asks for full sizes; `npm test` samples. */
export const isLongRun = process.env.HEIMDEX_TEST_SIZE === "long";

/** The size of a property test or a load in this run. */
export function testSize(sizes: { sampled: number; long: number }): number {
  return isLongRun ? sizes.long : sizes.sampled;
}
