import type { Transaction } from "../database/doors.ts";
import { AppError } from "../errors/app-error.ts";
import type {
  Counts,
  Erasure,
  ErasureKind,
  ErasureOrigin,
  ErasureState,
  Leftover,
  StepName,
} from "./erasure.ts";

/** Where a step takes up after a stop. */
export interface Cursor {
  /** What the step works on: a table or a bucket. */
  readonly part?: string;
  /** Position inside the part. */
  readonly after?: string;
}

/** An erasure with what only its engine reads. */
export interface ErasureJob extends Erasure {
  readonly cursor: Cursor;
  /** Organizations that go with the user, as they were when their objects were collected. */
  readonly organizations: readonly string[];
}

interface ErasureRow {
  erasure_id: string;
  kind: ErasureKind;
  user_id: string | null;
  person_id: string | null;
  subject: string | null;
  origin: ErasureOrigin;
  state: ErasureState;
  step: StepName | null;
  cursor: Cursor;
  organizations: string[];
  requested_at: Date;
  effective_at: Date;
  started_at: Date | null;
  provisional_at: Date | null;
  late_sweep_at: Date | null;
  finished_at: Date | null;
  attempts: number;
  next_attempt_at: Date;
  leased_until: Date | null;
  last_error: string | null;
  counts_before: Counts | null;
  counts_after: Counts | null;
  erased: Counts | null;
  leftovers: Leftover[];
}

/**
 * One erasure by its id. Needs the service door.
 * @throws AppError erasure_not_found
 */
export async function readErasure(sql: Transaction, erasureId: string): Promise<ErasureJob> {
  const [row] = await sql<ErasureRow[]>`
    select * from private.erasures where erasure_id = ${erasureId}`;
  return expectJob(row);
}

/** The erasure of a user that is not finished, locked; undefined when there is none. */
export async function findOpenErasure(
  sql: Transaction,
  userId: string,
): Promise<ErasureJob | undefined> {
  const [row] = await sql<ErasureRow[]>`
    select * from private.erasures
    where user_id = ${userId} and kind = 'user' and state not in ('cancelled', 'final')
    for update`;
  return row && toJob(row);
}

/** The newest finished erasure under this pseudonym; undefined when there never was one. */
export async function findFinalErasure(
  sql: Transaction,
  subject: string,
): Promise<ErasureJob | undefined> {
  const [row] = await sql<ErasureRow[]>`
    select * from private.erasures where subject = ${subject} and state = 'final'
    order by finished_at desc limit 1`;
  return row && toJob(row);
}

/** What a new row of `private.erasures` says. */
export interface NewErasure {
  kind: ErasureKind;
  userId: string;
  personId: string | null;
  subject: string;
  origin: ErasureOrigin;
  state: "pending" | "held";
  now: Date;
}

/** Opens an erasure, or gives the open one that another transaction was quicker to write. */
export async function insertErasure(sql: Transaction, o: NewErasure): Promise<ErasureJob> {
  const target = o.kind === "user"
    ? sql`(user_id) where kind = 'user' and state not in ('cancelled', 'final')`
    : sql`(person_id) where kind = 'person' and state not in ('cancelled', 'final')`;
  const [row] = await sql<ErasureRow[]>`
    insert into private.erasures as e (kind, user_id, person_id, subject, origin, state,
      requested_at, effective_at, next_attempt_at)
    values (${o.kind}, ${o.userId}, ${o.personId}, ${o.subject}, ${o.origin}, ${o.state},
      ${o.now}, ${o.now}, ${o.now})
    on conflict ${target} do update set subject = coalesce(e.subject, excluded.subject)
    returning *`;
  return expectJob(row);
}

/** The account of a scheduled erasure is gone: it is due now, or waits for an operator. */
export async function bringForward(
  sql: Transaction,
  erasureId: string,
  o: { state: "pending" | "held"; now: Date },
): Promise<ErasureJob> {
  const [row] = await sql<ErasureRow[]>`
    update private.erasures set state = ${o.state}, effective_at = least(effective_at, ${o.now}),
      next_attempt_at = ${o.now}, attempts = 0, last_error = null, leased_until = null,
      lease_id = null
    where erasure_id = ${erasureId} and state = 'scheduled' returning *`;
  return row ? toJob(row) : await readErasure(sql, erasureId);
}

/** How long a process holds a job before it must show that it lives. */
export interface Lease {
  id: string;
  now: Date;
  until: Date;
}

/**
 * Takes a job that is to be worked on, unless another process holds it: pending, left behind by a
 * process that died, or provisional with its late sweep due.
 */
export async function claimErasure(
  sql: Transaction,
  erasureId: string,
  lease: Lease,
): Promise<ErasureJob | undefined> {
  const [row] = await sql<ErasureRow[]>`
    update private.erasures set
      step = case when state = 'provisional' then 'collect' else coalesce(step, 'tombstone') end,
      cursor = case when state = 'provisional' then '{}'::jsonb else cursor end,
      state = 'running', started_at = coalesce(started_at, ${lease.now}),
      lease_id = ${lease.id}, leased_until = ${lease.until}
    where erasure_id = ${erasureId} and (leased_until is null or leased_until <= ${lease.now})
      and (state in ('pending', 'running')
        or (state = 'provisional' and late_sweep_at <= ${lease.now}))
    returning *`;
  return row && toJob(row);
}

/** The next job that is due and that nobody holds. */
export async function findDueErasure(sql: Transaction, now: Date): Promise<string | undefined> {
  const [row] = await sql<{ erasure_id: string }[]>`
    select erasure_id from private.erasures
    where (state in ('pending', 'running') or (state = 'provisional' and late_sweep_at <= ${now}))
      and next_attempt_at <= ${now} and (leased_until is null or leased_until <= ${now})
    order by next_attempt_at, requested_at limit 1`;
  return row?.erasure_id;
}

/** Takes the next erasure whose time has come and whose account still has to be deleted. */
export async function claimScheduled(
  sql: Transaction,
  lease: Lease,
): Promise<ErasureJob | undefined> {
  const [row] = await sql<ErasureRow[]>`
    update private.erasures set lease_id = ${lease.id}, leased_until = ${lease.until}
    where erasure_id = (
      select erasure_id from private.erasures
      where state = 'scheduled' and effective_at <= ${lease.now} and next_attempt_at <= ${lease.now}
        and (leased_until is null or leased_until <= ${lease.now})
      order by next_attempt_at limit 1 for update skip locked)
    returning *`;
  return row && toJob(row);
}

/** A change to a job under a lease; what is left out stays as it is. */
export interface JobChange {
  step?: StepName;
  cursor?: Cursor;
  organizations?: readonly string[];
  subject?: string;
  countsBefore?: Counts;
  countsAfter?: Counts;
  erased?: Counts;
  leftovers?: readonly Leftover[];
}

/**
 * Writes a change, prolongs the lease and locks the row until the end of the transaction, so that
 * what else the transaction does counts only while this process holds the job.
 * @throws LeaseLostError when another process has taken it.
 */
export async function holdErasure(
  sql: Transaction,
  erasureId: string,
  lease: Lease,
  change: JobChange = {},
): Promise<ErasureJob> {
  const json = (value: unknown) =>
    value === undefined ? sql`null::jsonb` : sql`${JSON.stringify(value)}::text::jsonb`;
  const [row] = await sql<ErasureRow[]>`
    update private.erasures set leased_until = ${lease.until},
      step = coalesce(${change.step ?? null}, step),
      cursor = coalesce(${json(change.cursor)}, cursor),
      organizations = coalesce(${change.organizations ? [...change.organizations] : null}::uuid[],
        organizations),
      subject = coalesce(${change.subject ?? null}, subject),
      counts_before = coalesce(${json(change.countsBefore)}, counts_before),
      counts_after = coalesce(${json(change.countsAfter)}, counts_after),
      erased = coalesce(${json(change.erased)}, erased),
      leftovers = coalesce(${json(change.leftovers)}, leftovers)
    where erasure_id = ${erasureId} and lease_id = ${lease.id} returning *`;
  if (!row) throw new LeaseLostError("Another process works on this erasure");
  return toJob(row);
}

/** Gives the job back unfinished: the next run goes on where this one stopped. */
export async function pauseErasure(
  sql: Transaction,
  erasureId: string,
  lease: Lease,
): Promise<void> {
  await sql`
    update private.erasures set leased_until = null, lease_id = null, next_attempt_at = ${lease.now}
    where erasure_id = ${erasureId} and lease_id = ${lease.id}`;
}

/** How a failed run leaves its job. */
export interface Failure {
  reason: string;
  attempts: number;
  nextAttemptAt: Date;
  /** What the job becomes; undefined keeps its state. */
  state: "dead" | "held" | undefined;
}

/** Gives the job back after a failure. Nothing happens when the lease was lost meanwhile. */
export async function failErasure(
  sql: Transaction,
  erasureId: string,
  lease: Lease,
  failure: Failure,
): Promise<void> {
  await sql`
    update private.erasures set leased_until = null, lease_id = null, attempts = ${failure.attempts},
      last_error = ${failure.reason}, next_attempt_at = ${failure.nextAttemptAt},
      state = coalesce(${failure.state ?? null}, state)
    where erasure_id = ${erasureId} and lease_id = ${lease.id}`;
}

/** The lease ran out and another process has the job; whatever this one was about to do is undone. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

function expectJob(row: ErasureRow | undefined): ErasureJob {
  if (!row) throw new AppError("erasure_not_found", "No such erasure: check the id");
  return toJob(row);
}

function toJob(row: ErasureRow): ErasureJob {
  return {
    erasureId: row.erasure_id,
    kind: row.kind,
    userId: row.user_id,
    personId: row.person_id,
    subject: row.subject,
    origin: row.origin,
    state: row.state,
    step: row.step,
    cursor: row.cursor,
    organizations: row.organizations,
    requestedAt: row.requested_at,
    effectiveAt: row.effective_at,
    startedAt: row.started_at,
    provisionalAt: row.provisional_at,
    lateSweepAt: row.late_sweep_at,
    finishedAt: row.finished_at,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    leasedUntil: row.leased_until,
    lastError: row.last_error,
    countsBefore: row.counts_before,
    countsAfter: row.counts_after,
    erased: row.erased,
    leftovers: row.leftovers,
  };
}
