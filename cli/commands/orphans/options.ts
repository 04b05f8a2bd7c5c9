import { Option } from "commander";
import { SweepRefusedError } from "../../../shared/erasure/orphans.ts";
import { CliError, exitCodes } from "../../context.ts";
import { wholeNumber } from "../../options.ts";

/** Hours; by default a day: younger traces may belong to something under way. */
export function minAgeOption(): Option {
  return new Option("--min-age <hours>", "age of the youngest trace")
    .argParser(wholeNumber(0, 8760))
    .default(24);
}

/** A refused sweep as an exit code of its own, with its sentence. */
export async function explainRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SweepRefusedError)) throw error;
    throw new CliError(exitCodes.refused, error.message, { cause: error });
  }
}
