import { EnvError, readEnv } from "../shared/env.ts";
import { createErasureContext, type ErasureContext } from "../shared/erasure/context.ts";
import { ReceiptKeyError } from "../shared/erasure/receipts/mod.ts";
import { AppError } from "../shared/errors/app-error.ts";
import { createDeps, type Deps } from "../shared/http/deps.ts";
import { type CliContext, CliError, exitCodes } from "./context.ts";
import { describeNotMigrated } from "./database.ts";

/**
 * Gives a command what the functions work with, from the same settings, and closes it whatever
 * happens. Log lines go to standard error.
 * Throws: CliError, usage for settings that are missing, outage for a part that does not answer.
 */
export async function withDeps<T>(
  context: CliContext,
  fn: (deps: Deps) => Promise<T>,
): Promise<T> {
  let deps: Deps | undefined;
  try {
    deps = {
      ...createDeps(readEnv(context.env)),
      now: () => context.now(),
      log: (line) => context.err(JSON.stringify(line)),
    };
    return await fn(deps);
  } catch (error) {
    throw toCliError(error);
  } finally {
    await deps?.database.close();
  }
}

/** The same for the erasure engine. Throws: also CliError (usage) without its keys. */
export function withErasures<T>(
  context: CliContext,
  fn: (erasures: ErasureContext) => Promise<T>,
): Promise<T> {
  return withDeps(context, (deps) => fn(createErasureContext(deps)));
}

function toCliError(error: unknown): unknown {
  if (error instanceof EnvError || error instanceof ReceiptKeyError) {
    return new CliError(exitCodes.usage, error.message, { cause: error });
  }
  if (error instanceof AppError && error.status === 503) {
    return new CliError(exitCodes.outage, error.detail, { cause: error });
  }
  return describeNotMigrated(error) ?? error;
}
