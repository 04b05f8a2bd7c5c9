import type { Database, Transaction } from "../../database/doors.ts";
import type { Counts, ErasureState } from "../erasure.ts";

/** What Supabase Auth knows of the ways in which the caller signs in. */
export interface SignInFacts {
  readonly email: string | null;
  readonly phone: string | null;
  /** Whether it is a user without any address; a token may be older than the address. */
  readonly anonymous: boolean;
  /** Whether a second factor is verified. */
  readonly second_factor: boolean;
}

/** An organization the caller may not leave alone; `members` without the caller. */
export interface BlockingOrganization {
  readonly organization_id: string;
  readonly name: string;
  readonly members: number;
}

/** What may be told of an erasure. Times are text as PostgreSQL writes them into JSON. */
export interface ErasureRecord {
  readonly erasure_id: string;
  readonly state: ErasureState;
  /** Whether its time has come. */
  readonly due: boolean;
  readonly requested_at: string;
  readonly effective_at: string;
  readonly provisional_at: string | null;
  readonly late_sweep_at: string | null;
  readonly finished_at: string | null;
  readonly counts_before: Counts | null;
  readonly counts_after: Counts | null;
  /** Canonical JSON as it was signed. */
  readonly receipt: string | null;
}

/**
 * Needs the caller's door. Answers nothing of a user who is gone.
 * @throws AppError session_revoked, database_unavailable
 */
export async function readSignInFacts(sql: Transaction): Promise<SignInFacts> {
  const [row] = await sql<{ facts: SignInFacts | null }[]>`
    select private.read_sign_in_facts() as facts
  `;
  return row?.facts ?? { email: null, phone: null, anonymous: false, second_factor: false };
}

/** Organizations whose last admin the caller is while others are members. Caller's door. */
export async function listBlockingOrganizations(
  sql: Transaction,
): Promise<readonly BlockingOrganization[]> {
  return await sql<BlockingOrganization[]>`
    select organization_id, name, members from private.list_last_admin_organizations()
  `;
}

/** Counts one try at the password; answers 0, or the seconds to wait instead. Caller's door. */
export async function takePasswordTry(sql: Transaction): Promise<number> {
  const [row] = await sql<[{ wait: number }]>`select private.take_password_try() as wait`;
  return row.wait;
}

/** Gives back a try of which Supabase Auth could not tell whether it was right. Caller's door. */
export async function returnPasswordTry(sql: Transaction): Promise<void> {
  await sql`select private.return_password_try()`;
}

/**
 * Opens the caller's erasure or joins the open one; null is now. Caller's door.
 * @throws AppError last_admin
 */
export async function scheduleDeletion(
  sql: Transaction,
  o: { effectiveAt: Date | null; statusTokenHash: string },
): Promise<ErasureRecord> {
  const [row] = await sql<[{ erasure: ErasureRecord }]>`
    select private.schedule_account_deletion(${o.effectiveAt}::timestamptz, ${o.statusTokenHash})
      as erasure
  `;
  return row.erasure;
}

/** The caller's open erasure, else the newest; null without one. Caller's door. */
export async function readOwnErasure(sql: Transaction): Promise<ErasureRecord | null> {
  const [row] = await sql<[{ erasure: ErasureRecord | null }]>`
    select private.read_own_erasure() as erasure
  `;
  return row.erasure;
}

/**
 * Cancels what `readOwnErasure` answers. Caller's door.
 * @throws AppError erasure_not_cancellable
 */
export async function cancelOwnErasure(sql: Transaction): Promise<ErasureRecord | null> {
  const [row] = await sql<[{ erasure: ErasureRecord | null }]>`
    select private.cancel_own_erasure() as erasure
  `;
  return row.erasure;
}

/** The erasure of a status token by its hash; null when it is unknown. Opens the service door. */
export function readErasureByToken(
  database: Pick<Database, "asService">,
  hash: string,
): Promise<ErasureRecord | null> {
  return database.asService(async (sql) => {
    const [row] = await sql<[{ erasure: ErasureRecord | null }]>`
      select private.read_erasure_by_token(${hash}) as erasure
    `;
    return row.erasure;
  });
}

/**
 * Cancels the erasure of a status token; null when it is unknown. Opens the service door.
 * @throws AppError erasure_not_cancellable
 */
export function cancelErasureByToken(
  database: Pick<Database, "asService">,
  hash: string,
): Promise<ErasureRecord | null> {
  return database.asService(async (sql) => {
    const [row] = await sql<[{ erasure: ErasureRecord | null }]>`
      select private.cancel_erasure_by_token(${hash}) as erasure
    `;
    return row.erasure;
  });
}
