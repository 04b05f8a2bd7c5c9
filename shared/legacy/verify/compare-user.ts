import { differsInEmail, expectedHash } from "../export/choose-step.ts";
import type { Judgement } from "../plan/judge.ts";
import { type AuthRecord, diffTarget } from "../target.ts";
import { type Mismatch, toMismatch } from "./mismatch.ts";

/**
 * Compares one legacy user with the account in Supabase Auth, field by field; a value that is null
 * counts as missing. `canSignIn`: the account has an identity with an e-mail. Undefined when all is
 * equal, and for a user whose erasure explains the absence.
 */
export function compareUser(judgement: Judgement, canSignIn: boolean): Mismatch | undefined {
  const { user, target, current, exported, open, gone } = judgement;
  const subject = user.userId;
  if (!exported) return toMismatch("not_exported", subject);
  if (gone) return undefined;
  if (!current || current.deleted) return toMismatch("account_missing", subject);
  const fields = differingFields(judgement, current);
  if (fields.length > 0) return toMismatch("fields_differ", subject, { fields });
  const [matter] = open;
  if (matter) return toMismatch("undecided", subject, { note: matter.kind });
  const needsIdentity = target.origin === "created" && !canSignIn;
  return needsIdentity ? toMismatch("identity_missing", subject) : undefined;
}

function differingFields(judgement: Judgement, current: AuthRecord): string[] {
  const { user, target } = judgement;
  const differences = diffTarget(target, current);
  const hash = expectedHash(judgement);
  const isRelinked = (user.supabaseUserId ?? current.id) !== current.id;
  return [
    ...(isRelinked ? ["supabase_user_id"] : []),
    ...(differsInEmail(target, current) ? ["email"] : []),
    ...(differences?.emailConfirm ? ["email_verified"] : []),
    ...(hash !== null && hash !== current.passwordHash ? ["password_hash"] : []),
    ...Object.keys(differences?.userMetadata ?? {}),
    ...Object.keys(differences?.appMetadata ?? {}),
  ];
}
