import {
  type Decision,
  type DecisionAction,
  decisionActions,
  type DecisionKind,
  isEmail,
  type UserDecisions,
} from "../decisions.ts";
import type { AuthRecord, LegacyUser } from "../target.ts";

/** Something that an operator has to decide. */
export interface Matter {
  kind: DecisionKind;
  /** Legacy id of the user, or of an owner. */
  subject: string;
  /** A sentence that names users by id only. */
  what: string;
  /** The Supabase user it is about, where there is one. */
  account?: string;
  /** What may be done; a decisions file takes one of them. */
  actions: readonly DecisionAction[];
  /** An entry of a decisions file that settles it. */
  suggested: Decision;
  /** Why the decision that was given cannot be carried out; absent when none was. */
  rejected?: string;
}

/** A matter with the one action it offers. */
export function describeMatter(
  kind: Exclude<DecisionKind, "email_taken">,
  user: LegacyUser,
  what: string,
): Matter {
  const [action] = decisionActions[kind];
  const suggested: Decision = { kind, subject: user.userId, action };
  if (action === "use_email") suggested.value = suggestEmail(user);
  return { kind, subject: user.userId, what, actions: decisionActions[kind], suggested };
}

/** Somebody else holds the address; `mayLink` says whether that account may become this user's. */
export function describeTaken(user: LegacyUser, holder: AuthRecord, mayLink: boolean): Matter {
  const link: Decision = {
    kind: "email_taken",
    subject: user.userId,
    action: "link",
    value: holder.id,
  };
  const useEmail: Decision = { ...link, action: "use_email", value: suggestEmail(user) };
  const state = holder.emailConfirmed ? "confirmed" : "not confirmed";
  return {
    kind: "email_taken",
    subject: user.userId,
    what: `Supabase user ${holder.id} holds the e-mail, ${state} there`,
    account: holder.id,
    actions: mayLink ? decisionActions.email_taken : ["use_email"],
    // An address that nobody confirmed in the legacy system may have been somebody else's.
    suggested: mayLink && user.emailVerified ? link : useEmail,
  };
}

/** The decision that settles a matter, or the matter with the reason why the given one does not. */
export function settle(matter: Matter, decisions: UserDecisions): Decision | Matter {
  const decision = decisions[matter.kind];
  if (decision === undefined) return matter;
  const rejected = reject(matter, decision);
  return rejected === undefined ? decision : { ...matter, rejected };
}

function reject({ actions, account }: Matter, { action, value }: Decision): string | undefined {
  if (!actions.includes(action)) return `${action} is not offered, only ${actions.join(" or ")}`;
  if (action === "use_email") return "another user has that e-mail";
  if (action === "link" && value !== account) return `only ${account} can be linked`;
  return undefined;
}

/** An address of the user's own that nobody else has; mail reaches it where tags are understood. */
function suggestEmail({ email, userId }: LegacyUser): string {
  const tag = `heimdex-${userId.replaceAll("-", "").slice(0, 12)}`;
  const [, local = "", domain = ""] = /^([\w.+-]{1,40})@([\w.-]+\.[a-z]{2,})$/i.exec(email) ?? [];
  const suggested = `${local}+${tag}@${domain}`.toLowerCase();
  return isEmail(suggested) ? suggested : `${tag}@users.invalid`;
}
