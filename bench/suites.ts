import type { BenchSuite } from "./harness.ts";
import { erasureSuite } from "./suites/erasure.ts";
import { searchSuite } from "./suites/search.ts";
import { legacyCutoverSuite } from "./suites/legacy-cutover.ts";
import { legacyExportSuite } from "./suites/legacy-export.ts";
import { verifySuite } from "./suites/verify.ts";
import { videosSuite } from "./suites/videos.ts";

/** Every suite by the name it is asked for. */
export const suites: Readonly<Record<string, BenchSuite>> = {
  verify: verifySuite,
  erasure: erasureSuite,
  search: searchSuite,
  videos: videosSuite,
  "legacy-export": legacyExportSuite,
  "legacy-cutover": legacyCutoverSuite,
};
