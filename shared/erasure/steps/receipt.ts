import type { Transaction } from "../../database/doors.ts";
import type { Counts } from "../erasure.ts";
import { hashManifest, manifest, tableRule } from "../manifest.ts";
import { appendReceipt } from "../receipts/mod.ts";
import type { ReceiptFacts } from "../receipts/receipt.ts";
import { nameSubjectKey } from "../receipts/subject.ts";
import { pageSize } from "../rows.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";
import type { ErasureJob, Lease } from "../store.ts";

/**
 * Signs what was done. After the first round the late sweep is set; after it everything that names
 * the user goes from the records too: only the keyed pseudonym stays.
 * @throws what `appendReceipt` throws.
 */
export async function writeReceipt(run: ErasureRun): Promise<StepOutcome> {
  await appendReceipt(run.ctx, await describeErasure(run));
  if (run.isFinalStage) await closeErasure(run);
  else await scheduleLateSweep(run);
  return "done";
}

async function describeErasure(run: ErasureRun): Promise<ReceiptFacts> {
  const { job, ctx } = run;
  const before = job.countsBefore ?? nothing;
  const after = job.countsAfter ?? nothing;
  return {
    erasureId: job.erasureId,
    kind: job.kind,
    stage: run.isFinalStage ? "final" : "provisional",
    subject: run.subject,
    subjectKey: await nameSubjectKey(ctx.pseudonymKey),
    origin: job.origin,
    requestedAt: job.requestedAt,
    startedAt: job.startedAt ?? job.requestedAt,
    finishedAt: ctx.now(),
    manifestHash: await hashManifest(),
    tables: Object.fromEntries(
      Object.entries(before.tables).map(([name, rows]) => [name, {
        before: rows,
        after: after.tables[name] ?? 0,
        disposition: tableRule(name).disposition,
      }]),
    ),
    buckets: Object.fromEntries(
      Object.entries(before.buckets).map(([name, objects]) => [name, {
        before: objects,
        after: after.buckets[name] ?? { objects: 0, bytes: 0 },
        disposition: manifest.buckets.find((one) => one.name === name)?.disposition ?? "erase",
      }]),
    ),
    leftovers: job.leftovers,
  };
}

const nothing: Counts = { tables: {}, buckets: {} };

async function scheduleLateSweep(run: ErasureRun): Promise<void> {
  const { ctx, job } = run;
  const now = ctx.now();
  const sweepAt = new Date(now.getTime() + ctx.lateSweepSeconds * 1000);
  await run.page(async (sql) => {
    await sql`
      update private.erasures set state = 'provisional', provisional_at = ${now},
        late_sweep_at = ${sweepAt}, next_attempt_at = ${sweepAt}, attempts = 0, last_error = null,
        step = null, cursor = '{}'::jsonb, leased_until = null, lease_id = null
      where erasure_id = ${job.erasureId}`;
    if (job.kind === "user") await noteErasure(sql, run);
    return { value: undefined };
  });
}

/** The audit trail names the pseudonym, the statistics count without any name. */
async function noteErasure(sql: Transaction, { job, subject }: ErasureRun): Promise<void> {
  const metadata = {
    actor: "cron",
    outcome: "ok",
    resource: "erasure",
    resource_id: job.erasureId,
  };
  await sql`
    insert into public.audit_events (user_subject, event_type, metadata)
    values (${subject}, 'user.erased', ${sql.json(metadata)})`;
  await sql`insert into public.user_analytics (event_type) values ('erased')`;
}

async function closeErasure(run: ErasureRun): Promise<void> {
  const { ctx, job, userId } = run;
  for (let count = 1; count > 0;) {
    count = await run.page(async (sql) => ({ value: await forgetObjects(sql, job) }));
  }
  await run.page(async (sql) => {
    await forgetIds(sql, job, { userId, lease: run.lease });
    await sql`
      update private.erasures set state = 'final', finished_at = ${ctx.now()}, attempts = 0,
        last_error = null, step = null, cursor = '{}'::jsonb, organizations = '{}', user_id = null,
        person_id = null,
        leased_until = null, lease_id = null
      where erasure_id = ${job.erasureId}`;
    return { value: undefined };
  });
}

async function forgetObjects(sql: Transaction, { erasureId }: ErasureJob): Promise<number> {
  const { count } = await sql`
    delete from private.erasure_objects where ctid = any(array(
      select ctid from private.erasure_objects where erasure_id = ${erasureId} limit ${pageSize}))`;
  return count;
}

/** Other records of the same user: jobs for single people have nothing left to do. */
async function forgetIds(
  sql: Transaction,
  { kind, subject, erasureId }: ErasureJob,
  { userId, lease }: { userId: string; lease: Lease },
): Promise<void> {
  if (kind === "person") return;
  await sql`update private.erased_users set user_id = null where subject = ${subject}`;
  const others = sql`user_id = ${userId} and erasure_id <> ${erasureId}`;
  await sql`
    delete from private.erasure_objects
    where erasure_id in (select erasure_id from private.erasures where ${others})`;
  await sql`
    update private.erasures set user_id = null, person_id = null, cursor = '{}'::jsonb,
      organizations = '{}',
      state = case when state = 'final' then state else 'cancelled' end,
      finished_at = coalesce(finished_at, ${lease.now}), leased_until = null, lease_id = null
    where ${others}`;
}
