import type postgres from "postgres";
import type { AuthAdmin, AuthAnswer } from "../auth-admin.ts";
import { LegacyError } from "../errors.ts";
import type { TargetUser } from "../target.ts";
import { type ExportFailure, toFailure } from "./causes.ts";
import type { Step } from "./choose-step.ts";
import { type Gate, sleep } from "./gate.ts";

/** What sending needs. */
export interface Sender {
  sql: postgres.Sql;
  auth: AuthAdmin;
  gate: Gate;
}

/** How a step ended; undefined when Supabase Auth holds what it shall. */
export type StepResult = ExportFailure | undefined;

/** Errors 500 to one user before the fault is looked for in that user; other failures weigh less. */
const MAX_FAULTS = 5;
const WEIGHT_OF_SILENCE = 0.25;
const FIRST_DELAY_MS = 100;

/**
 * Brings one user to Supabase Auth and repeats what nobody answered. A create whose answer was lost
 * is looked up before it is sent again, so that it counts and no second account can come of it.
 * @throws LegacyError usage when the key is refused on the way, outage after a long silence
 */
export async function runStep(
  sender: Sender,
  step: Extract<Step, { kind: "create" | "update" }>,
): Promise<StepResult> {
  if (step.kind === "create") return await createAccount(sender, step);
  const { target: { legacyUserId, supabaseUserId }, changes, hash } = step;
  const failure = changes && await settle(sender, {
    legacyUserId,
    send: () => sender.auth.updateUser(supabaseUserId, changes),
    refusal: () => "auth_refused",
  });
  if (failure) return failure;
  return hash ? await replaceHash(sender, step.target, hash) : undefined;
}

async function createAccount(
  sender: Sender,
  { body, target: { legacyUserId } }: Extract<Step, { kind: "create" }>,
): Promise<StepResult> {
  const look = async () => {
    const [row] = await sender.sql<{ email: string | null }[]>`
      select lower(email) as email from auth.users where id = ${body.id}`;
    if (!row) return "nobody";
    return row.email === body.email ? "this" : "another";
  };
  return await settle(sender, {
    legacyUserId,
    send: () => sender.auth.createUser(body),
    look,
    refusal: ({ code, status, message }) => {
      if (code === "email_exists") return "email_taken";
      const isAddress = status === 400 && code === "validation_failed" && /e-?mail/i.test(message);
      return isAddress || code === "email_address_invalid" ? "email_invalid" : "auth_refused";
    },
  });
}

interface Errand {
  legacyUserId: string;
  send(): Promise<AuthAnswer>;
  /** Whose account stands there: a try can have got through although its answer did not. */
  look?(): Promise<"this" | "another" | "nobody">;
  refusal(answer: Extract<AuthAnswer, { kind: "refused" }>): Parameters<typeof toFailure>[1];
}

async function settle(sender: Sender, errand: Errand): Promise<StepResult> {
  const startedAt = performance.now();
  for (let faults = 0;;) {
    const answer = await sendOnce(sender.gate, errand);
    if (answer.kind === "done") return undefined;
    if (answer.kind === "away" && answer.status === 429) continue;
    const holder = await errand.look?.();
    if (holder === "this") return undefined;
    if (holder === "another") return toFailure(errand.legacyUserId, "id_taken");
    if (answer.kind === "refused") {
      assertStillAdmitted(answer);
      return toFailure(errand.legacyUserId, errand.refusal(answer), answer.code);
    }
    faults += answer.status === 500 ? 1 : WEIGHT_OF_SILENCE;
    if (faults >= MAX_FAULTS && await serves(sender, startedAt)) {
      return toFailure(errand.legacyUserId, "auth_failed", answer.code);
    }
    if (answer.status === 500) await sleep(FIRST_DELAY_MS * 2 ** Math.min(faults, 6));
  }
}

async function sendOnce(gate: Gate, errand: Errand): Promise<AuthAnswer> {
  const ticket = await gate.enter();
  const answer = await errand.send();
  gate.leave(ticket, answer);
  return answer;
}

function assertStillAdmitted({ status, code }: Extract<AuthAnswer, { kind: "refused" }>): void {
  if (status !== 401 && status !== 403) return;
  throw new LegacyError(
    "usage",
    `Supabase Auth refuses the secret key by now (${status} ${code}): ` +
      "set SUPABASE_SECRET_KEYS to a valid one",
  );
}

/** Whether Supabase Auth answers others, or anybody at all: then the fault is this user's. */
async function serves({ gate, auth }: Sender, since: number): Promise<boolean> {
  return gate.lastAnswerAt > since || (await auth.listIds(1)).kind === "done";
}

const INSUFFICIENT_PRIVILEGE = "42501";

/**
 * Carries over a password that was changed in the legacy system since the export: the Admin API
 * ignores hashes of users who are there. Only over the hash that was read, never a newer one.
 */
async function replaceHash(
  { sql }: Sender,
  { legacyUserId, supabaseUserId }: TargetUser,
  { wanted, present }: { wanted: string; present: string | null },
): Promise<StepResult> {
  try {
    await sql`
      update auth.users set encrypted_password = ${wanted}, updated_at = now()
      where id = ${supabaseUserId}
        and nullif(encrypted_password, '') is not distinct from ${present}`;
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== INSUFFICIENT_PRIVILEGE) throw error;
    return toFailure(legacyUserId, "password_refused");
  }
}
