import type { LegacyDatabases } from "../context.ts";
import {
  type Decision,
  decisionActions,
  type DecisionBook,
  type DecisionKind,
  everySubject,
  loadDecisions,
  mergeDecisions,
  openDecisions,
} from "../decisions.ts";
import { LegacyError } from "../errors.ts";
import { classifyHash, type HashKind } from "../hash-kinds.ts";
import type { LegacyTableName } from "../schema.ts";
import { diffTarget } from "../target.ts";
import { readUserPages } from "../users.ts";
import { type Estimate, estimateSeconds } from "./estimate.ts";
import { type Judgement, openJudge } from "./judge.ts";
import type { Matter } from "./matters.ts";
import {
  countMovingObjects,
  countRows,
  type MatterPage,
  type ObjectCount,
  readPersonNames,
  readRowNotes,
  readUnknownOwners,
  type RowNotes,
  sumVideoBytes,
} from "./rows.ts";

/** How many users go which way. */
export interface UserCounts {
  users: number;
  /** Legacy rows that name a Supabase user. */
  linked: number;
  /** Legacy rows that name none. */
  unlinked: number;
  /** Users an export has finished already. */
  exported: number;
  /** Accounts to create. */
  toCreate: number;
  /** Accounts that lack something of the legacy row. */
  toUpdate: number;
  /** Accounts that hold everything. */
  unchanged: number;
}

/** What concerns single users and has not to be decided. */
export interface UserNotes {
  /** Deleted in Supabase: not created anew. */
  erased: number;
  /** Created unconfirmed, as they were: they sign in after a mail. */
  unconfirmed: number;
  /** The Supabase account has a password of its own, which stays. */
  ownPassword: number;
  /** The Supabase account has another e-mail, which stays. */
  ownEmail: number;
}

/** What a move would do and what it waits for. */
export interface Plan {
  /** Whether the legacy tables lie in a database of their own and have to be loaded. */
  separate: boolean;
  counts: UserCounts;
  rows: Record<LegacyTableName, number>;
  /** Password hashes of the accounts to create. */
  hashes: Record<HashKind, number>;
  /** What has to be decided: the first ones of each kind. */
  matters: Matter[];
  /** All that has to be decided, by kind; kinds without any are left out. */
  open: Partial<Record<DecisionKind, number>>;
  /** What was decided, by kind. */
  decided: Partial<Record<DecisionKind, number>>;
  notes: UserNotes & RowNotes;
  objectsToMove: ObjectCount;
  estimate: Estimate;
}

export interface PlanOptions {
  /** Beside the stored ones; the same kind and subject goes before. */
  decisions?: readonly Decision[];
  /** Matters of each kind that the plan lists; the rest is only counted. */
  maxListed?: number;
  onProgress?(done: number, total: number): void;
}

const defaultListed = 10_000;

/**
 * Looks at every legacy user and row and says what a move would do. Changes nothing. Memory stays
 * flat: users come in pages, and of the matters the first are kept.
 * @throws LegacyError (usage) naming a decision that cannot be carried out
 */
export async function planMove(
  databases: LegacyDatabases,
  { decisions = [], maxListed = defaultListed, onProgress = () => {} }: PlanOptions = {},
): Promise<Plan> {
  const book = openDecisions(mergeDecisions(await loadDecisions(databases.sql), decisions));
  const judge = await openJudge(databases, book);
  const { source, sql } = databases;
  const rows = await countRows(source.sql);
  const tally = createTally(maxListed);
  for await (const users of readUserPages(source.sql)) {
    for (const judgement of await judge.page(users)) addJudgement(tally, judgement);
    onProgress(tally.counts.users, rows.users);
  }
  addPage(tally, "unknown_owner", await readUnknownOwners(source.sql, maxListed), book);
  addPage(tally, "person_names", await readPersonNames(source.sql, maxListed), book);
  const objectsToMove = await countMovingObjects(source.sql, tally.moved);
  const videoBytes = source.separate ? await sumVideoBytes(source.sql) : 0;
  return {
    separate: source.separate,
    counts: { ...tally.counts, exported: await countExported(sql) },
    rows,
    hashes: tally.hashes,
    matters: tally.matters,
    open: tally.open,
    decided: tally.decided,
    notes: { ...tally.notes, ...await readRowNotes(source.sql) },
    objectsToMove,
    estimate: estimateSeconds({
      users: tally.counts.toCreate + tally.counts.toUpdate,
      rows,
      objectsToMove,
      loadBytes: videoBytes,
      separate: source.separate,
    }),
  };
}

interface Tally {
  counts: UserCounts;
  hashes: Record<HashKind, number>;
  notes: UserNotes;
  matters: Matter[];
  open: Partial<Record<DecisionKind, number>>;
  decided: Partial<Record<DecisionKind, number>>;
  /** Legacy ids of users whose row names no account, but whose id changes. */
  moved: string[];
  maxListed: number;
}

function createTally(maxListed: number): Tally {
  return {
    counts: {
      users: 0,
      linked: 0,
      unlinked: 0,
      exported: 0,
      toCreate: 0,
      toUpdate: 0,
      unchanged: 0,
    },
    hashes: { bcrypt: 0, argon2i: 0, argon2id: 0, unsupported: 0, none: 0 },
    notes: { erased: 0, unconfirmed: 0, ownPassword: 0, ownEmail: 0 },
    matters: [],
    open: {},
    decided: {},
    moved: [],
    maxListed,
  };
}

function addJudgement(tally: Tally, { user, target, current, open, decided, gone }: Judgement) {
  const { counts, notes, hashes } = tally;
  counts.users++;
  if (user.supabaseUserId === null) counts.unlinked++;
  else counts.linked++;
  for (const matter of open) addOpen(tally, matter);
  for (const { kind } of decided) increment(tally.decided, kind);
  if (gone) {
    notes.erased++;
    return;
  }
  if (user.supabaseUserId === null && target.supabaseUserId !== user.userId) {
    tally.moved.push(user.userId);
  }
  if (current) {
    if (diffTarget(target, current)) counts.toUpdate++;
    else counts.unchanged++;
    if (target.origin !== "created" && user.passwordHash !== null) notes.ownPassword++;
    if (current.email !== target.email) notes.ownEmail++;
  } else {
    counts.toCreate++;
    hashes[classifyHash(user.passwordHash)]++;
    if (!target.emailConfirm) notes.unconfirmed++;
  }
}

function addOpen(tally: Tally, matter: Matter): void {
  if (matter.rejected !== undefined) {
    throw new LegacyError(
      "usage",
      `The decision for ${matter.kind} of ${matter.subject} cannot be carried out: ` +
        `${matter.rejected}. ${matter.what}`,
    );
  }
  const count = increment(tally.open, matter.kind);
  if (count <= tally.maxListed) tally.matters.push(matter);
}

function increment(counts: Partial<Record<DecisionKind, number>>, kind: DecisionKind): number {
  return counts[kind] = (counts[kind] ?? 0) + 1;
}

/** Matters that a table answered; a decision for some of them takes these out of the count. */
function addPage(
  tally: Tally,
  kind: DecisionKind,
  { listed, total }: MatterPage,
  book: DecisionBook,
): void {
  if (total === 0) return;
  const decidedAll = book.all.some((entry) =>
    entry.kind === kind && entry.subject === everySubject
  );
  const open = decidedAll ? [] : listed.filter(({ subject }) => !book.of(subject)[kind]);
  const left = decidedAll ? 0 : total - listed.length + open.length;
  if (left > 0) tally.open[kind] = left;
  if (total > left) tally.decided[kind] = total - left;
  tally.matters.push(...open);
}

async function countExported(sql: LegacyDatabases["sql"]): Promise<number> {
  const [table] = await sql<{ there: boolean }[]>`
    select to_regclass('private.legacy_exports') is not null as there`;
  if (!table?.there) return 0;
  const [row] = await sql<{ count: string }[]>`
    select count(*) as count from private.legacy_exports`;
  return Number(row?.count);
}

/**
 * Decisions that settle everything that is open, as the plan suggests them: one for all of a kind
 * where no value is needed. To be read by a person before it is used.
 */
export function suggestDecisions({ matters }: Pick<Plan, "matters">): Decision[] {
  const decisions = new Map<string, Decision>();
  for (const { kind, subject, suggested } of matters) {
    const decision = suggested.value === undefined
      ? { kind, subject: everySubject, action: suggested.action }
      : { ...suggested, subject };
    decisions.set(`${decision.kind} ${decision.subject}`, decision);
  }
  const order = Object.keys(decisionActions);
  return [...decisions.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}
