import { defineConfig } from "vitest/config";
import { LastLineReporter } from "./tests/support/reporter.ts";
import { isLongRun } from "./tests/support/size.ts";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/global-setup.ts"],
    reporters: [new LastLineReporter()],
    pool: "forks",
    // One stack serves every file, and the machines this has to run on have two cores.
    maxWorkers: 2,
    testTimeout: isLongRun ? 600_000 : 30_000,
    hookTimeout: isLongRun ? 600_000 : 60_000,
    teardownTimeout: 20_000,
    // A focused test would make a green run that tested nothing else.
    allowOnly: false,
  },
});
