import { type CliContext, CliError, exitCodes } from "../../context.ts";
import { withDatabase } from "../../database.ts";
import { isUuid } from "../../../shared/text/uuid.ts";

/** An event that is due again, as `--json` writes it. */
export interface PutBack {
  id: string;
  event_id: string;
  type: string;
  user_id: string;
}

/** An event is named by its number in the outbox or by the UUID that receivers see. */
export function parseEventId(id: string): { row: string } | { event: string } {
  if (/^\d{1,18}$/.test(id)) return { row: id };
  if (isUuid(id)) return { event: id };
  throw new CliError(exitCodes.usage, `"${id}" is neither the number nor the UUID of an event`);
}

/** The sentence for an event that a command did not touch. */
export async function explainMissing(
  context: CliContext,
  id: string,
  otherwise: string,
): Promise<CliError> {
  const chosen = parseEventId(id);
  const [known] = await withDatabase(context, (sql) =>
    sql`select from private.auth_events
      where ${"row" in chosen ? sql`id = ${chosen.row}` : sql`event_id = ${chosen.event}`}`);
  return new CliError(
    exitCodes.usage,
    known ? `Event ${id} ${otherwise}` : `There is no event ${id}: see heimdex events list`,
  );
}
