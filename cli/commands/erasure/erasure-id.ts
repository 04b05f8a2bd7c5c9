import { CliError, exitCodes } from "../../context.ts";
import { isUuid } from "../../../shared/text/uuid.ts";

/** The id of an erasure as the database writes it. */
export function parseErasureId(id: string): string {
  if (isUuid(id)) return id.toLowerCase();
  throw new CliError(exitCodes.usage, `"${id}" is not the UUID of an erasure`);
}
