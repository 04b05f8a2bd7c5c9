import { defineConfig } from "vitest/config";

/** For tests that need no stack: starting one for each mutation would take most of the time. */
export default defineConfig({
  test: { include: ["tests/**/*.test.ts"], pool: "forks", maxWorkers: 1, testTimeout: 30_000 },
});
