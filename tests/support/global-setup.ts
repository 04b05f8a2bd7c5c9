import type { TestProject } from "vitest/node";
import { describeExternalStack } from "./external-stack.ts";

/** Gives every test file one stack: the one SUPABASE_URL names, or a new one in a temporary folder. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | void> {
  if (process.env.SUPABASE_URL) {
    project.provide("stack", await describeExternalStack(process.env));
    return;
  }
  const { startTemporaryStack } = await import("../../local/temporary.ts");
  // Vitest exits a millisecond after a signal; the stack takes longer to end what it started.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(signal);
  hideRefusedStatements();
  const log: string[] = [];
  try {
    const { stack, stop } = await startTemporaryStack({
      name: "heimdex-test",
      // A run deletes more users than any hour of a real project.
      environment: { HEIMDEX_ERASURES_PER_HOUR: "100000" },
      log: (line) => log.push(line),
    });
    const { stop: _stop, restartDatabase: _restart, ...known } = stack;
    project.provide("stack", { ...known, external: false });
    return stop;
  } catch (error) {
    throw new Error(["Cannot start the stack for the tests", ...log].join("\n"), { cause: error });
  }
}

/** The Data API prints each statement that the database refuses; here that is what tests ask for. */
function hideRefusedStatements(): void {
  // deno-lint-ignore no-console
  const print = console.error;
  // deno-lint-ignore no-console
  console.error = (...values: unknown[]) => {
    const [error] = values;
    if (!(error instanceof Error && "code" in error && error.code === "42501")) print(...values);
  };
}
