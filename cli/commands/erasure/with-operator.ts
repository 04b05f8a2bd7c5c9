import type { ErasureContext } from "../../../shared/erasure/context.ts";
import { IncompleteErasureError } from "../../../shared/erasure/errors.ts";
import { ReceiptsLostError } from "../../../shared/erasure/receipts/mod.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { type CliContext, CliError, exitCodes } from "../../context.ts";
import { withErasures } from "../../deps.ts";

/**
 * The engine for one command; what it refuses becomes wrong usage with the engine's sentence, and a
 * run that broke off a failure with its reason.
 */
export async function withOperator<T>(
  context: CliContext,
  fn: (erasures: ErasureContext) => Promise<T>,
): Promise<T> {
  try {
    return await withErasures(context, fn);
  } catch (error) {
    if (error instanceof IncompleteErasureError || error instanceof ReceiptsLostError) {
      throw new CliError(exitCodes.overThreshold, error.message, { cause: error });
    }
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    throw new CliError(exitCodes.usage, error.detail, { cause: error });
  }
}
