import type { ActivityNote } from "../../../shared/audit/audited.ts";
import type { SessionBody } from "./schemas.ts";

/** Whose session was opened. Who is seen for the first time is counted as registered. */
export function asSignedIn({ user }: SessionBody): Partial<ActivityNote> {
  return { userId: user.id, resourceId: user.id, counted: { type: "registered" } };
}
