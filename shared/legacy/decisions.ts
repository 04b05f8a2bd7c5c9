import type postgres from "postgres";
import * as z from "zod";
import { parseJson } from "../json.ts";
import { LegacyError } from "./errors.ts";

/**
 * What may have to be decided, each with the actions it can be answered with:
 * - `missing_account`: the Supabase user of a linked legacy user is gone; create it anew under the
 *   same id.
 * - `email_case`: two legacy users whose e-mails differ in case only; another address for one.
 * - `email_taken`: another Supabase user holds the address; link to that one (only offered when the
 *   address is confirmed there and the user is nobody else's), or another address.
 * - `email_invalid`: Supabase Auth refuses the address; another one.
 * - `id_taken`: the legacy id is the id of another Supabase user; a new id, derived from it.
 * - `unsupported_hash`, `no_password`: the account is made without a password; its user asks for
 *   one by mail.
 * - `metadata_over_budget`: the profile does not fit into tokens; optional keys are left out.
 * - `unknown_owner`: videos or people of an owner that no users row names; kept under that id.
 * - `person_names`: people of one name with one owner; the later ones get " (2)", " (3)".
 */
export const decisionActions = {
  missing_account: ["create"],
  email_case: ["use_email"],
  email_taken: ["link", "use_email"],
  email_invalid: ["use_email"],
  id_taken: ["new_id"],
  unsupported_hash: ["reset"],
  no_password: ["reset"],
  metadata_over_budget: ["trim"],
  unknown_owner: ["keep"],
  person_names: ["suffix"],
} as const;

/** A key of {@link decisionActions}. */
export type DecisionKind = keyof typeof decisionActions;

/** What is done about it. */
export type DecisionAction = (typeof decisionActions)[DecisionKind][number];

/** One decision of an operator. */
export interface Decision {
  kind: DecisionKind;
  /** Legacy id of a user (or of the unknown owner); `*` stands for all of the kind. */
  subject: string;
  action: DecisionAction;
  /** The address of `use_email` in lower case; the Supabase id of `link`; else absent. */
  value?: string;
}

/** What was decided for one user, by kind; a decision for the user goes before one for all. */
export type UserDecisions = Partial<Record<DecisionKind, Decision>>;

/** The address that an operator chose for a user, whatever stood in the way of the own one. */
export function decidedEmail(decisions: UserDecisions): string | undefined {
  return [decisions.email_case, decisions.email_taken, decisions.email_invalid]
    .find((decision) => decision?.action === "use_email")?.value;
}

/** Every subject of a kind at once. */
export const everySubject = "*";

/** Longest e-mail address that Supabase Auth takes. */
const maxEmailLength = 255;

/** What every version of Supabase Auth takes. Source: supabase/auth internal/api/mail.go, checkmail. */
const emailFormat =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+$/;

/** Whether Supabase Auth takes an e-mail address. */
export function isEmail(text: string): boolean {
  return text.length <= maxEmailLength && emailFormat.test(text);
}

const documentSchema = z.strictObject({ decisions: z.array(z.unknown()) });
const entrySchema = z.strictObject({
  kind: z.string(),
  subject: z.string(),
  action: z.string(),
  value: z.string().nullish(),
});
const uuid = z.guid().transform((id) => id.toLowerCase());

/**
 * Reads a decisions file: `{"decisions":[{"kind","subject","action","value"?}]}`.
 * @throws LegacyError (usage) naming the entry (counted from 1) that is no decision, has an unknown
 * kind, an action that its kind does not offer, a wrong value, or says what another one says
 */
export function readDecisions(text: string): Decision[] {
  const document = documentSchema.safeParse(parseJson(text));
  if (!document.success) {
    throw new LegacyError(
      "usage",
      'The decisions file is no JSON document of the form {"decisions":[...]}',
    );
  }
  const decisions = document.data.decisions.map(readEntry);
  checkRepetitions(decisions);
  return decisions;
}

function readEntry(given: unknown, index: number): Decision {
  const entry = entrySchema.safeParse(given);
  if (!entry.success) {
    throw wrongEntry(index, 'needs "kind", "subject" and "action" as texts, and nothing unknown');
  }
  const { kind, action, value } = entry.data;
  if (!isKind(kind)) {
    const kinds = Object.keys(decisionActions).join(", ");
    throw wrongEntry(index, `has the unknown kind ${JSON.stringify(kind)}: it is one of ${kinds}`);
  }
  const offered: readonly DecisionAction[] = decisionActions[kind];
  const known = offered.find((name) => name === action);
  if (known === undefined) {
    const choices = offered.join(" or ");
    throw wrongEntry(
      index,
      `has the action ${JSON.stringify(action)}: ${kind} is answered by ${choices}`,
    );
  }
  const subject = readSubject(entry.data.subject, index);
  return {
    kind,
    subject,
    action: known,
    ...readValue({ subject, action: known, value: value ?? undefined }, index),
  };
}

function isKind(kind: string): kind is DecisionKind {
  return Object.hasOwn(decisionActions, kind);
}

function readSubject(subject: string, index: number): string {
  if (subject === everySubject) return subject;
  const parsed = uuid.safeParse(subject);
  if (parsed.success) return parsed.data;
  throw wrongEntry(index, 'needs as "subject" the legacy id of a user, or "*" for all');
}

function readValue(
  { subject, action, value }: {
    subject: string;
    action: DecisionAction;
    value?: string | undefined;
  },
  index: number,
): { value?: string } {
  if (action !== "use_email" && action !== "link") {
    if (value === undefined) return {};
    throw wrongEntry(index, `has a value, but ${action} takes none`);
  }
  if (subject === everySubject) {
    throw wrongEntry(index, `needs one user: ${action} cannot be for all`);
  }
  if (action === "use_email") {
    if (value !== undefined && isEmail(value)) return { value: value.toLowerCase() };
    throw wrongEntry(index, 'needs as "value" an e-mail address that Supabase Auth takes');
  }
  const id = uuid.safeParse(value);
  if (id.success) return { value: id.data };
  throw wrongEntry(index, 'needs as "value" the id of the Supabase user to link');
}

function checkRepetitions(decisions: readonly Decision[]): void {
  const subjects = new Map<string, number>();
  const values = new Map<string, { index: number; subject: string }>();
  for (const [index, { kind, subject, value }] of decisions.entries()) {
    const first = subjects.get(`${kind} ${subject}`);
    if (first !== undefined) {
      throw wrongEntry(index, `says again what entry ${first + 1} says: ${kind} of ${subject}`);
    }
    subjects.set(`${kind} ${subject}`, index);
    if (value === undefined) continue;
    const same = values.get(value);
    if (same && same.subject !== subject) {
      throw wrongEntry(
        index,
        `has the value of entry ${same.index + 1}: each user needs another one`,
      );
    }
    values.set(value, { index, subject });
  }
}

function wrongEntry(index: number, what: string): LegacyError {
  return new LegacyError("usage", `Entry ${index + 1} of the decisions file ${what}`);
}

/** Writes decisions beside those that were stored; the same kind and subject is replaced. */
export async function storeDecisions(
  sql: postgres.ISql,
  decisions: readonly Decision[],
): Promise<void> {
  if (decisions.length === 0) return;
  const rows = JSON.stringify(decisions);
  await sql`
    insert into private.legacy_decisions (kind, subject, action, value)
    select d.kind, d.subject, d.action, d.value
    from jsonb_to_recordset(${rows}::text::jsonb)
      as d (kind text, subject text, action text, value text)
    on conflict (kind, subject) do update
      set action = excluded.action, value = excluded.value, decided_at = now()`;
}

/** The stored decisions; none in a database that our migrations have not reached. */
export async function loadDecisions(sql: postgres.ISql): Promise<Decision[]> {
  const [table] = await sql<{ there: boolean }[]>`
    select to_regclass('private.legacy_decisions') is not null as there`;
  if (!table?.there) return [];
  const rows = await sql<{ entry: unknown }[]>`
    select jsonb_strip_nulls(jsonb_build_object('kind', kind, 'subject', subject,
      'action', action, 'value', value)) as entry
    from private.legacy_decisions order by kind, subject`;
  return rows.map(({ entry }, index) => readEntry(entry, index));
}

/** Decisions with those of `later` in front: the same kind and subject counts once. */
export function mergeDecisions(
  earlier: readonly Decision[],
  later: readonly Decision[],
): Decision[] {
  const merged = new Map<string, Decision>();
  for (const decision of [...earlier, ...later]) {
    merged.set(`${decision.kind} ${decision.subject}`, decision);
  }
  return [...merged.values()];
}

/** Decisions, ready to be asked for one user after the other. */
export interface DecisionBook {
  readonly all: readonly Decision[];
  of(legacyUserId: string): UserDecisions;
}

/** Sorts decisions by user. */
export function openDecisions(decisions: readonly Decision[]): DecisionBook {
  const bySubject = new Map<string, UserDecisions>();
  for (const decision of decisions) {
    const known = bySubject.get(decision.subject) ?? {};
    known[decision.kind] = decision;
    bySubject.set(decision.subject, known);
  }
  const forAll = bySubject.get(everySubject) ?? {};
  return {
    all: decisions,
    of: (legacyUserId) => ({ ...forAll, ...bySubject.get(legacyUserId.toLowerCase()) }),
  };
}
