import { defineConfig } from "vitest/config";
import { LastLineReporter } from "./tests/support/reporter.ts";
import { isLongRun } from "./tests/support/size.ts";
import { chooseTemporaryFolder } from "./tests/support/temporary-folder.ts";

// Workers and all that they start inherit it.
const temporaryFolder = chooseTemporaryFolder(process.env);
if (temporaryFolder) process.env.TMPDIR = temporaryFolder;

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/global-setup.ts"],
    reporters: [new LastLineReporter()],
    pool: "forks",
    // One stack serves every file. Files wait for processes and drains as long as they work, so that
    // two cores have enough to do with three of them and too much with more.
    maxWorkers: 3,
    // For what hangs: a machine with other work to do takes many times what an idle one does.
    testTimeout: isLongRun ? 600_000 : 60_000,
    hookTimeout: isLongRun ? 600_000 : 120_000,
    expect: { poll: { timeout: 20_000 } },
    teardownTimeout: 20_000,
    // A focused test would make a green run that tested nothing else.
    allowOnly: false,
  },
});
