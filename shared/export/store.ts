import type { JSONValue } from "postgres";
import { cronActivity, recordActivity } from "../audit/record.ts";
import type { Transaction } from "../database/doors.ts";
import type { ExportContext } from "./context.ts";
import type { Position } from "./sources.ts";
import type { ZippedFile } from "./zip-part.ts";

/** One uploaded zip. `key` lies in bucket exports; `sha256` is hex over its bytes. */
export interface ExportPart {
  name: string;
  key: string;
  size_bytes: number;
  sha256: string;
}

/** A file of an export, with the part it lies in. */
export interface ExportedFile extends ZippedFile {
  part: number;
}

/** What the recorded parts hold and where the next one begins. */
export interface Checkpoint {
  /** Name of a source. */
  source: string;
  at: Position;
  /** Number of the source's next file: 1 for its first. */
  chunk: number;
  files: ExportedFile[];
}

/** An export while this process holds its lease. */
export interface ClaimedExport {
  exportId: string;
  userId: string;
  requestedAt: Date;
  leaseId: string;
  /** Runs since the last recorded part, this one included. */
  attempts: number;
  parts: ExportPart[];
  /** Absent until a part is recorded. */
  checkpoint?: Checkpoint;
}

/** An export whose objects are to be removed. */
export interface DueRemoval {
  exportId: string;
  userId: string;
}

/** Another process took the export over; nothing of it may be touched here. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The user's account is gone or being erased. */
export class UserGone extends Error {
  override readonly name = "UserGone";
}

/** Longer than an edge function may live (150 s), so that no two processes share an export. */
export const leaseSeconds = 180;

/** Runs in a row without a new part after which an export has failed. */
export const maxAttempts = 8;

const dayMs = 86_400_000;

/** How long the zips of an export can be downloaded. */
export const keptMs = 7 * dayMs;

interface ClaimedRow {
  export_id: string;
  user_id: string;
  requested_at: Date;
  lease_id: string;
  attempts: number;
  parts: ExportPart[];
  checkpoint: Checkpoint | null;
}

/**
 * Takes one export that nobody works on: the one named, or the one that is due longest. Undefined
 * when there is none.
 * @throws as the service door does
 */
export function claimExport(
  { database, now }: ExportContext,
  exportId?: string,
): Promise<ClaimedExport | undefined> {
  return database.asService(async (sql) => {
    const which = exportId === undefined
      ? sql`e.next_attempt_at <= ${now()}`
      : sql`e.export_id = ${exportId}`;
    const [row] = await sql<ClaimedRow[]>`
      update private.exports as c
      set state = 'running', started_at = coalesce(c.started_at, ${now()}),
        attempts = c.attempts + 1, lease_id = gen_random_uuid(), leased_until = ${lease(now())}
      from (
        select e.export_id from private.exports as e
        where e.state in ('pending', 'running') and ${which}
          and (e.leased_until is null or e.leased_until <= ${now()})
        order by e.next_attempt_at limit 1 for update skip locked
      ) as due
      where c.export_id = due.export_id
      returning c.export_id, c.user_id, c.requested_at, c.lease_id, c.attempts, c.parts,
        c.checkpoint`;
    return row && toClaimed(row);
  });
}

function toClaimed(row: ClaimedRow): ClaimedExport {
  return {
    exportId: row.export_id,
    userId: row.user_id,
    requestedAt: row.requested_at,
    leaseId: row.lease_id,
    attempts: row.attempts,
    parts: row.parts,
    ...(row.checkpoint ? { checkpoint: row.checkpoint } : {}),
  };
}

/**
 * Renews the lease by itself, before work that is no transaction.
 * @throws as {@link holdLease}
 */
export function renewLease({ database, now }: ExportContext, job: ClaimedExport): Promise<void> {
  return database.asService((sql) => holdLease(sql, now(), job));
}

/**
 * Renews the lease in the transaction whose work depends on it.
 * @throws LeaseLost; UserGone when the account is deleted, soft-deleted or being erased
 */
export async function holdLease(
  sql: Transaction,
  now: Date,
  { exportId, userId, leaseId }: ClaimedExport,
): Promise<void> {
  const [row] = await sql<[{ held: boolean; known: boolean; alive: boolean }]>`
    with held as (
      update private.exports set leased_until = ${lease(now)}
      where export_id = ${exportId} and lease_id = ${leaseId} and state = 'running'
      returning export_id
    )
    select exists (select from held) as held,
      exists (select from private.exports where export_id = ${exportId}) as known,
      exists (select from auth.users where id = ${userId} and deleted_at is null)
        and not exists (select from private.erased_users where user_id = ${userId}) as alive`;
  if (!row.known || !row.alive) throw new UserGone("The user of the export is gone");
  if (!row.held) throw new LeaseLost("The lease of the export has passed to another process");
}

/**
 * Records an uploaded part and where the next one begins.
 * @throws as {@link holdLease}
 */
export function recordPart(
  { database, now }: ExportContext,
  job: ClaimedExport,
  o: { parts: ExportPart[]; checkpoint: Checkpoint },
): Promise<void> {
  return database.asService(async (sql) => {
    await holdLease(sql, now(), job);
    await sql`
      update private.exports
      set parts = ${asJson(sql, o.parts)}, checkpoint = ${asJson(sql, o.checkpoint)}, attempts = 0,
        last_error = null
      where export_id = ${job.exportId}`;
  });
}

/**
 * Records the last part and completes the export.
 * @throws as {@link holdLease}
 */
export function completeExport(
  { database, now }: ExportContext,
  job: ClaimedExport,
  parts: ExportPart[],
): Promise<void> {
  return database.asService(async (sql) => {
    await holdLease(sql, now(), job);
    await sql`
      update private.exports
      set state = 'completed', parts = ${asJson(sql, parts)}, checkpoint = null, attempts = 0,
        last_error = null, leased_until = null, lease_id = null, finished_at = ${now()},
        expires_at = ${new Date(now().getTime() + keptMs)}
      where export_id = ${job.exportId}`;
    const { userId, exportId: resourceId } = job;
    const type = "export.completed";
    await recordActivity(sql, [cronActivity({ type, userId, resource: "export", resourceId })]);
  });
}

/** Gives a healthy export back to the next run. */
export async function pauseExport(
  { database, now }: ExportContext,
  { exportId, leaseId }: ClaimedExport,
): Promise<void> {
  await database.asService((sql) =>
    sql`
      update private.exports
      set leased_until = null, lease_id = null, next_attempt_at = ${now()}
      where export_id = ${exportId} and lease_id = ${leaseId} and state = 'running'`
  );
}

/**
 * Gives an export back after a failure with a growing pause, half a minute first and an hour at
 * most, or ends it after {@link maxAttempts} runs without a new part. `reason` is an error code or
 * an error's name, never a text that could hold personal data.
 */
export function failExport(
  { database, now }: ExportContext,
  { exportId, leaseId }: ClaimedExport,
  reason: string,
): Promise<{ final: boolean }> {
  return database.asService(async (sql) => {
    const [row] = await sql<{ state: string }[]>`
      update private.exports as e
      set leased_until = null, lease_id = null, last_error = ${reason},
        state = case when f.final then 'failed' else e.state end,
        finished_at = case when f.final then f.now end,
        expires_at = case when f.final then f.now end,
        next_attempt_at = f.now
          + least(interval '30 seconds' * power(2, greatest(e.attempts, 1) - 1), interval '1 hour')
          * (1 + random() / 4)
      from (
        select export_id, ${now()}::timestamptz as now, attempts >= ${maxAttempts} as final
        from private.exports where export_id = ${exportId}
      ) as f
      where e.export_id = f.export_id and e.lease_id = ${leaseId}
        and e.state = 'running'
      returning e.state`;
    return { final: row?.state === "failed" };
  });
}

/** Ends an export whose user is gone, whoever holds the lease; a missing row is fine. */
export async function cancelExport(
  { database, now }: ExportContext,
  exportId: string,
): Promise<void> {
  await database.asService((sql) =>
    sql`
      update private.exports
      set state = 'cancelled', leased_until = null, lease_id = null, finished_at = ${now()},
        expires_at = ${now()}, checkpoint = null
      where export_id = ${exportId} and state in ('pending', 'running')`
  );
}

/**
 * Exports whose time is over and whose objects still lie there, at most `limit`: those whose removal
 * failed of late come last.
 */
export function listDueRemovals(
  { database, now }: ExportContext,
  limit: number,
): Promise<DueRemoval[]> {
  return database.asService(async (sql) => {
    const rows = await sql<{ export_id: string; user_id: string }[]>`
      select export_id, user_id from private.exports
      where removed_at is null and expires_at <= ${now()}
      order by next_attempt_at > ${now()}, expires_at limit ${limit}`;
    return rows.map((row) => ({ exportId: row.export_id, userId: row.user_id }));
  });
}

/** Lets other removals go first for an hour. */
export async function postponeRemoval(
  { database, now }: ExportContext,
  exportId: string,
): Promise<void> {
  await database.asService((sql) =>
    sql`
      update private.exports set next_attempt_at = ${now()}::timestamptz + interval '1 hour'
      where export_id = ${exportId} and state not in ('pending', 'running')`
  );
}

/** Notes that the objects of an export are gone; a completed one is expired from now on. */
export async function markRemoved(
  { database, now }: ExportContext,
  exportId: string,
): Promise<void> {
  await database.asService((sql) =>
    sql`
      update private.exports
      set removed_at = ${now()}, parts = '[]', checkpoint = null,
        state = case when state = 'completed' then 'expired' else state end
      where export_id = ${exportId}`
  );
}

function lease(now: Date): Date {
  return new Date(now.getTime() + leaseSeconds * 1000);
}

function asJson(sql: Transaction, value: ExportPart[] | Checkpoint) {
  return sql.json(value as unknown as JSONValue);
}
