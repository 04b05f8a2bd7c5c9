import { CliError, exitCodes } from "../../context.ts";

/** The id of an erasure as the database writes it. */
export function parseErasureId(id: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return id.toLowerCase();
  throw new CliError(exitCodes.usage, `"${id}" is not the UUID of an erasure`);
}
