import type { BenchSuite } from "./harness.ts";
import { erasureSuite } from "./suites/erasure.ts";
import { legacyCutoverSuite } from "./suites/legacy-cutover.ts";
import { legacyExportSuite } from "./suites/legacy-export.ts";
import { verifySuite } from "./suites/verify.ts";

/** Every suite by the name it is asked for. */
export const suites: Readonly<Record<string, BenchSuite>> = {
  verify: verifySuite,
  erasure: erasureSuite,
  "legacy-export": legacyExportSuite,
  "legacy-cutover": legacyCutoverSuite,
};
