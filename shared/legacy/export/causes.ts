import type { DecisionKind } from "../decisions.ts";
import type { Matter } from "../plan/matters.ts";

/** What an operator does about a user who could not be exported, where nothing is to be decided. */
const advice = {
  email_taken:
    "Another Supabase user holds the e-mail: decide email_taken with use_email, or with link where " +
    "the address is confirmed there",
  email_invalid: "Supabase Auth refuses the e-mail: decide email_invalid with use_email",
  id_taken: "The id belongs to another Supabase user: decide id_taken with new_id",
  link_taken:
    "The Supabase user belongs to another legacy user already: correct supabase_user_id in the " +
    "legacy row, or decide again",
  link_changed:
    "The legacy row was linked to another Supabase user after its export: correct supabase_user_id " +
    "in the legacy row",
  password_refused:
    "The legacy password changed since the export, and the role of DATABASE_URL may not write it: " +
    "grant update on auth.users, or let the user ask for a new password",
  auth_refused:
    "Supabase Auth refused the request: see its code, correct the legacy row, and run this again",
  auth_failed:
    "Supabase Auth fails for this user while it serves others: see its log, and run this again",
} as const;

/** Why a user could not be exported: an open decision, or what came of the requests. */
export type FailureCause = DecisionKind | keyof typeof advice;

/** A user who could not be exported. */
export interface ExportFailure {
  legacyUserId: string;
  cause: FailureCause;
  /** What to do, with the code of Supabase Auth where it gave one. No personal data. */
  detail: string;
}

/** The failure of a user; `code` is what Supabase Auth said. */
export function toFailure(
  legacyUserId: string,
  cause: keyof typeof advice,
  code?: string,
): ExportFailure {
  const detail = code === undefined ? advice[cause] : `${advice[cause]} (${code})`;
  return { legacyUserId, cause, detail };
}

/** The failure of a user for whom something has to be decided first. */
export function toOpenQuestion(legacyUserId: string, matter: Matter): ExportFailure {
  const { kind, what, actions, rejected } = matter;
  const reason = rejected === undefined ? "" : ` (${rejected})`;
  return {
    legacyUserId,
    cause: kind,
    detail: `${what}: decide ${kind} with ${actions.join(" or ")}${reason}`,
  };
}
