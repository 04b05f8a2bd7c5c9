import { metadataBudget } from "../../auth/metadata.ts";
import { decidedEmail, isEmail, type UserDecisions } from "../decisions.ts";
import { classifyHash } from "../hash-kinds.ts";
import {
  type AuthRecord,
  chooseEmail,
  deriveId,
  type LegacyUser,
  type Origin,
  targetBytes,
  type TargetUser,
  toTarget,
  usableHash,
} from "../target.ts";
import type { Accounts } from "./accounts.ts";
import { describeMatter, describeTaken, type Matter, settle } from "./matters.ts";

/** What is known of one legacy user, and what is to be done. */
export interface Judgement {
  user: LegacyUser;
  target: TargetUser;
  /** The account at the target's id, as it stands now; absent: it has to be created. */
  current?: AuthRecord;
  /** The row of private.legacy_exports; absent before the first export of the user. */
  exported?: ExportedUser;
  /** What has to be decided first. Not to be exported before. */
  open: Matter[];
  /** What would have had to be decided, and was. */
  decided: Matter[];
  /** The account was deleted and its erasure is open or done: never to be created anew. */
  gone: boolean;
}

/** Where a legacy user went. */
export interface ExportedUser {
  supabaseUserId: string;
  origin: Origin;
}

/** What is known around one user. */
export interface UserFacts {
  accounts: Accounts;
  erased: ReadonlySet<string>;
  exported?: ExportedUser | undefined;
  /** The legacy user who keeps the address of this one. */
  keeper?: string | undefined;
  /** Whether an account belongs, or will belong, to another legacy user. */
  isOthers(supabaseUserId: string): boolean;
}

const nilId = "00000000-0000-0000-0000-000000000000";

/**
 * Says where a legacy user goes and what has to be decided before. Of `decisions` only those count
 * that the user needs, and an address given by name. Pure.
 */
export function judgeUser(
  user: LegacyUser,
  decisions: UserDecisions,
  facts: UserFacts,
): Judgement {
  const { exported } = facts;
  const applied = pickEmail(decisions);
  const open: Matter[] = [];
  const decided: Matter[] = [];
  const raise = (matter: Matter) => {
    const settled = settle(matter, decisions);
    if ("what" in settled) return void open.push(settled);
    applied[matter.kind] = settled;
    decided.push(matter);
  };

  const found = findAccount(user, decisions, facts);
  const gone = found.account ? found.account.deleted : facts.erased.has(found.id);
  let current = found.account;
  const wasMade = exported ? exported.origin === "created" : user.supabaseUserId === null;
  if (!gone && current && wasMade && current.email !== chooseEmail(user, decisions)) {
    // Its address follows the legacy row, and can meet somebody else's on the way.
    raiseEmail(user, { applied, decisions, facts, id: found.id, mayLink: false, raise });
  }
  if (!gone && current === undefined) {
    if (found.idTaken) raise(describeMatter("id_taken", user, found.idTaken));
    if (exported || user.supabaseUserId !== null) raise(missingAccount(user, found.id));
    const mayLink = user.supabaseUserId === null && !exported;
    raiseEmail(user, { applied, decisions, facts, id: found.id, mayLink, raise });
    current = linkedAccount(applied, facts);
    if (current === undefined) raiseHash(user, raise);
  }
  const place = (target: TargetUser): TargetUser => {
    const origin = originOf(user, { target, exported, current, decisions, gone });
    const passwordHash = origin === "created" ? usableHash(user.passwordHash) : null;
    return { ...target, supabaseUserId: current?.id ?? found.id, origin, passwordHash };
  };
  const whole = place(toTarget(user, applied, current));
  if (!gone && targetBytes(whole, current) > metadataBudget) {
    raise(describeMatter("metadata_over_budget", user, overBudget(whole, current)));
  }
  return {
    user,
    target: place(toTarget(user, applied, current)),
    ...(current ? { current } : {}),
    ...(exported ? { exported } : {}),
    open,
    decided,
    gone,
  };
}

/** Addresses given by name count even where nothing demands them: they settle another's contest. */
function pickEmail(decisions: UserDecisions): UserDecisions {
  const kinds = ["email_case", "email_taken", "email_invalid"] as const;
  return Object.fromEntries(
    kinds.flatMap((kind) =>
      decisions[kind]?.action === "use_email" ? [[kind, decisions[kind]]] : []
    ),
  );
}

interface FoundAccount {
  id: string;
  account?: AuthRecord | undefined;
  /** Why the legacy id cannot be the account's. */
  idTaken?: string;
}

function findAccount(
  user: LegacyUser,
  decisions: UserDecisions,
  { accounts, exported, isOthers }: UserFacts,
): FoundAccount {
  const known = exported?.supabaseUserId ?? user.supabaseUserId;
  if (known !== null && known !== undefined) return { id: known, account: accounts.byId(known) };
  const own = accounts.byId(user.userId);
  const isFree = !isOthers(user.userId);
  if (own && isFree && isMadeFor(user, own, decisions)) return { id: user.userId, account: own };
  if (!own && isFree && user.userId !== nilId) return { id: user.userId };
  const idTaken = own || !isFree
    ? "Its id is the id of another Supabase user"
    : "Supabase Auth takes no user of this id";
  const id = deriveId(user.userId);
  return { id, account: accounts.byId(id), idTaken };
}

/**
 * Whether a run created the account at the legacy id and ended before it could say so: by the address,
 * or, where that has changed since, by the mark that only the secret key can write.
 */
function isMadeFor(user: LegacyUser, own: AuthRecord, decisions: UserDecisions): boolean {
  const mark = own.appMetadata.legacy_created_at;
  return own.email === chooseEmail(user, decisions) ||
    (mark !== undefined && mark === toTarget(user).appMetadata.legacy_created_at);
}

function missingAccount(user: LegacyUser, id: string): Matter {
  return describeMatter("missing_account", user, `Its Supabase user ${id} is not there any more`);
}

function raiseEmail(
  user: LegacyUser,
  { applied, decisions, facts, id, mayLink, raise }: {
    applied: UserDecisions;
    decisions: UserDecisions;
    facts: UserFacts;
    id: string;
    /** Whether the user could still be given another account. */
    mayLink: boolean;
    raise(matter: Matter): void;
  },
): void {
  const chosen = decidedEmail(applied);
  if (chosen === undefined && !isEmail(user.email)) {
    return raise(describeMatter("email_invalid", user, "Supabase Auth refuses its e-mail"));
  }
  if (chosen === undefined && facts.keeper !== undefined) {
    const what = `Its e-mail is that of legacy user ${facts.keeper} but for upper and lower case`;
    return raise(describeMatter("email_case", user, what));
  }
  const email = chooseEmail(user, decisions);
  const holder = facts.accounts.holderOf(email);
  if (!holder || holder.id === id) return;
  const isOffered = mayLink && chosen === undefined && holder.email === email &&
    holder.emailConfirmed && !holder.deleted && !facts.isOthers(holder.id);
  raise(describeTaken(user, holder, isOffered));
}

function raiseHash(user: LegacyUser, raise: (matter: Matter) => void): void {
  const kind = classifyHash(user.passwordHash);
  if (kind === "none") raise(describeMatter("no_password", user, "It has no password"));
  if (kind !== "unsupported") return;
  raise(describeMatter("unsupported_hash", user, "Supabase Auth cannot read its password hash"));
}

function overBudget(target: TargetUser, current?: AuthRecord): string {
  return `Its profile takes ${targetBytes(target, current)} of ${metadataBudget} bytes in tokens`;
}

function linkedAccount({ email_taken: taken }: UserDecisions, { accounts }: UserFacts) {
  return taken?.action === "link" && taken.value !== undefined
    ? accounts.byId(taken.value)
    : undefined;
}

/** The map keeps an origin, unless the account has to be made again. */
function originOf(
  user: LegacyUser,
  { target, exported, current, decisions, gone }: {
    target: TargetUser;
    exported: ExportedUser | undefined;
    current: AuthRecord | undefined;
    decisions: UserDecisions;
    gone: boolean;
  },
): Origin {
  if (exported) return current || gone ? exported.origin : "created";
  // An account with the legacy hash was made by a run that ended before it could say so.
  const remade = decisions.missing_account !== undefined && user.supabaseUserId !== null &&
    user.passwordHash !== null && current?.passwordHash === user.passwordHash;
  return remade ? "created" : target.origin;
}
