import type { BenchSuite } from "./harness.ts";
import { authSuite } from "./suites/auth.ts";
import { coldStartSuite } from "./suites/cold-start.ts";
import { erasureSuite } from "./suites/erasure.ts";
import { routesSuite } from "./suites/routes.ts";
import { searchSuite } from "./suites/search.ts";
import { legacyCutoverSuite } from "./suites/legacy-cutover.ts";
import { legacyExportSuite } from "./suites/legacy-export.ts";
import { loadSuite } from "./suites/load.ts";
import { tokenCacheSuite } from "./suites/token-cache.ts";
import { verifySuite } from "./suites/verify.ts";
import { videosSuite } from "./suites/videos.ts";

/** Every suite by the name it is asked for. */
export const suites: Readonly<Record<string, BenchSuite>> = {
  verify: verifySuite,
  "token-cache": tokenCacheSuite,
  auth: authSuite,
  routes: routesSuite,
  "cold-start": coldStartSuite,
  load: loadSuite,
  erasure: erasureSuite,
  search: searchSuite,
  videos: videosSuite,
  "legacy-export": legacyExportSuite,
  "legacy-cutover": legacyCutoverSuite,
};
