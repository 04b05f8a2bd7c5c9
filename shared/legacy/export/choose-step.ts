import type { AuthUserChanges, NewAuthUser } from "../auth-admin.ts";
import { classifyHash } from "../hash-kinds.ts";
import type { Judgement } from "../plan/judge.ts";
import { type AuthRecord, diffTarget, type TargetUser } from "../target.ts";
import { type ExportFailure, toFailure, toOpenQuestion } from "./causes.ts";

/** What the export does with one user. */
export type Step =
  | { kind: "create"; target: TargetUser; body: NewAuthUser }
  | {
    kind: "update";
    target: TargetUser;
    /** Null when only the password differs. */
    changes: AuthUserChanges | null;
    /** The legacy hash and the account's present one; absent when they are the same. */
    hash?: { wanted: string; present: string | null };
  }
  /** Supabase Auth holds everything already. */
  | { kind: "same"; target: TargetUser }
  /** The user was deleted in Supabase Auth: only the id map is written. */
  | { kind: "gone"; target: TargetUser }
  | { kind: "fail"; failure: ExportFailure };

/** Decides from a judgement; asks nobody. */
export function chooseStep(judgement: Judgement): Step {
  const { user, target, current, exported, open, gone } = judgement;
  if (gone) return { kind: "gone", target };
  const [matter] = open;
  if (matter) return { kind: "fail", failure: toOpenQuestion(user.userId, matter) };
  if (exported && (user.supabaseUserId ?? target.supabaseUserId) !== target.supabaseUserId) {
    return { kind: "fail", failure: toFailure(user.userId, "link_changed") };
  }
  if (current) return chooseUpdate(judgement, current);
  return { kind: "create", target, body: toNewUser(judgement) };
}

function chooseUpdate(judgement: Judgement, current: AuthRecord): Step {
  const { target } = judgement;
  const changes = toChanges(target, current);
  const wanted = expectedHash(judgement);
  const isRight = wanted === null || wanted === current.passwordHash;
  if (!changes && isRight) return { kind: "same", target };
  const hash = isRight ? {} : { hash: { wanted, present: current.passwordHash } };
  return { kind: "update", target, changes, ...hash };
}

/**
 * The password hash that the account shall have: the legacy one in an account that we made, as far as
 * Supabase Auth takes it. Null where it is not ours to say.
 */
export function expectedHash({ user, target }: Pick<Judgement, "user" | "target">): string | null {
  if (target.origin !== "created") return null;
  const kind = classifyHash(user.passwordHash);
  return kind === "none" || kind === "unsupported" ? null : user.passwordHash;
}

/** Whether an account that we made has another address than the legacy system has by now. */
export function differsInEmail(target: TargetUser, current: AuthRecord): boolean {
  return target.origin === "created" && target.email !== current.email;
}

function toChanges(target: TargetUser, current: AuthRecord): AuthUserChanges | null {
  const differences = diffTarget(target, current);
  const isMoved = differsInEmail(target, current);
  if (!differences && !isMoved) return null;
  const mustConfirm = differences?.emailConfirm || (isMoved && target.emailConfirm);
  return {
    ...(isMoved ? { email: target.email } : {}),
    ...(mustConfirm ? { email_confirm: true } : {}),
    ...(differences?.userMetadata ? { user_metadata: differences.userMetadata } : {}),
    ...(differences?.appMetadata ? { app_metadata: differences.appMetadata } : {}),
  };
}

function toNewUser({ user, target }: Judgement): NewAuthUser {
  const hash = expectedHash({ user, target });
  return {
    id: target.supabaseUserId,
    email: target.email,
    email_confirm: target.emailConfirm,
    ...(hash === null ? {} : { password_hash: hash }),
    user_metadata: target.userMetadata,
    app_metadata: target.appMetadata,
  };
}
