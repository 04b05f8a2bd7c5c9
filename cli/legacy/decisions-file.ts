import { type Decision, readDecisions } from "../../shared/legacy/decisions.ts";
import { LegacyError } from "../../shared/legacy/errors.ts";
import { CliError, exitCodes } from "../context.ts";

/** Reads a decisions file. Throws: CliError (usage) when there is none or it does not hold. */
export async function readDecisionsFile(path: string): Promise<Decision[]> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new CliError(exitCodes.usage, `Cannot read the decisions file ${path}`, { cause });
  });
  try {
    return readDecisions(text);
  } catch (error) {
    if (!(error instanceof LegacyError)) throw error;
    throw new CliError(exitCodes.usage, error.message, { cause: error });
  }
}
