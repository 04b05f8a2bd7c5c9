import type { BenchSuite } from "./harness.ts";
import { erasureSuite } from "./suites/erasure.ts";
import { verifySuite } from "./suites/verify.ts";

/** Every suite by the name it is asked for. */
export const suites: Readonly<Record<string, BenchSuite>> = {
  verify: verifySuite,
  erasure: erasureSuite,
};
