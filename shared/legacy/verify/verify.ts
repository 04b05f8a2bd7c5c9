import type postgres from "postgres";
import { createAuthAdmin } from "../auth-admin.ts";
import type { LegacyContext, LegacyDatabases } from "../context.ts";
import { type DecisionBook, loadDecisions, openDecisions } from "../decisions.ts";
import { type ErasureMemory, openErasureMemory } from "../export/erasure-memory.ts";
import { Gate } from "../export/gate.ts";
import { assertNotCutOver, checkProject } from "../export/preflight.ts";
import { type Judge, type Judgement, openJudge } from "../plan/judge.ts";
import { readUserPages } from "../users.ts";
import { compareContents } from "./compare-contents.ts";
import { compareLoaded } from "./compare-loaded.ts";
import { compareOwners } from "./compare-owners.ts";
import { compareUser } from "./compare-user.ts";
import { type Mismatch, toMismatch } from "./mismatch.ts";
import { checkSignIn, type Credentials } from "./sign-in.ts";
import { type Snapshot, withSnapshot } from "./snapshot.ts";

export interface VerifyOptions {
  /** Test users whose old passwords are tried for real. */
  signIn?: readonly Credentials[];
  /** Told after each page: how many users are compared, of how many. */
  onProgress?: (done: number, total: number) => void;
  /** Told after each of the test users: how many were tried, of how many. */
  onSignIn?: (done: number, total: number) => void;
}

/** What a comparison found. */
export interface Verification {
  verificationId: string;
  passed: boolean;
  /** Legacy users that were compared. */
  users: number;
  /** Users of them who were deleted in Supabase Auth and stay so. */
  gone: number;
  /** Owners whose rows were counted. */
  owners: number;
  signedIn: number;
  /** private.legacy_fingerprint() of what was compared. */
  fingerprint: string | null;
  /** All differences; `mismatches` holds the first 1,000 of them. */
  mismatchCount: number;
  mismatches: Mismatch[];
}

const MAX_MISMATCHES = 1000;
const MAX_SILENCE_MS = 60_000;

/**
 * Compares every legacy user with Supabase Auth, every field, both ways, and the rows of every owner
 * by their number, those of a separate legacy database by their content too, over one snapshot; signs a sample in where passwords are given. Who is equal is marked as verified,
 * and the run with its fingerprint goes to private.legacy_verifications: the cutover asks for the
 * last one to have passed, and for nothing written since.
 * @throws LegacyError refused after the cutover, usage for wrong keys, outage when Supabase Auth does
 * not answer
 */
export async function verifyMove(
  ctx: LegacyContext,
  o: VerifyOptions = {},
): Promise<Verification> {
  await assertNotCutOver(ctx);
  const sample = o.signIn ?? [];
  const auth = createAuthAdmin(ctx.deps.env);
  if (sample.length > 0) await checkProject(ctx.sql, auth);
  const remember = await openErasureMemory(ctx.sql, ctx.deps.env.pseudonymKey);
  const collector = new Collector();
  const compared = await withSnapshot(
    ctx,
    (snapshot) => compareAll(snapshot, { ctx, o, remember, collector }),
  );
  const gate = new Gate({ concurrency: 2, silenceMs: MAX_SILENCE_MS });
  let signedIn = 0;
  for (const [index, credentials] of sample.entries()) {
    const mismatch = await checkSignIn({ sql: ctx.sql, auth, gate }, credentials);
    o.onSignIn?.(index + 1, sample.length);
    if (mismatch) collector.add(mismatch);
    else signedIn++;
  }
  return await record(ctx.sql, { ...compared, signedIn }, collector);
}

/** Keeps the first differences and counts all. */
class Collector {
  readonly first: Mismatch[] = [];
  count = 0;

  add(mismatch: Mismatch): void {
    this.count++;
    if (this.first.length < MAX_MISMATCHES) this.first.push(mismatch);
  }
}

interface Compared {
  takenAt: Date;
  users: number;
  gone: number;
  owners: number;
  fingerprint: string | null;
}

interface Comparison {
  ctx: LegacyContext;
  o: VerifyOptions;
  remember: ErasureMemory;
  collector: Collector;
}

async function compareAll(snapshot: Snapshot, c: Comparison): Promise<Compared> {
  const { sql, takenAt } = snapshot;
  const book = openDecisions(await loadDecisions(sql));
  const judge = await openJudge(snapshot, book);
  const [before] = await sql<{ fingerprint: string | null; users: number }[]>`
    select private.legacy_fingerprint() as fingerprint,
      (select count(*)::int from public.users) as users`;
  const { users, gone } = await compareUsers(snapshot, judge, c, before?.users ?? 0);
  await findGoneInLegacy(snapshot, c.collector);
  const owners = await countOwners(snapshot, book, c.collector);
  for (const mismatch of await compareContents(snapshot)) c.collector.add(mismatch);
  return { takenAt, users, gone, owners, fingerprint: before?.fingerprint ?? null };
}

function countOwners(snapshot: Snapshot, book: DecisionBook, found: Collector): Promise<number> {
  return compareOwners(snapshot, book, (mismatch) => found.add(mismatch));
}

async function compareUsers(
  snapshot: Snapshot,
  judge: Judge,
  { ctx, o, remember, collector }: Comparison,
  total: number,
): Promise<{ users: number; gone: number }> {
  const counts = { users: 0, gone: 0 };
  for await (const page of readUserPages(snapshot.source.sql)) {
    const judgements = await remember(await judge.page(page));
    const mismatches = await comparePage(snapshot, judgements);
    for (const mismatch of mismatches) collector.add(mismatch);
    const different = new Set(mismatches.map(({ subject }) => subject));
    const equal = judgements.filter(({ user }) => !different.has(user.userId));
    await markVerified(ctx.sql, snapshot.takenAt, equal);
    counts.users += page.length;
    counts.gone += equal.filter(({ gone }) => gone).length;
    o.onProgress?.(counts.users, Math.max(total, counts.users));
  }
  return counts;
}

async function comparePage(
  snapshot: Snapshot,
  judgements: readonly Judgement[],
): Promise<Mismatch[]> {
  const ids = judgements.flatMap(({ current }) => current?.id ?? []);
  const rows = await snapshot.sql<{ id: string }[]>`
    select user_id as id from auth.identities
    where user_id = any(${ids}::uuid[]) and email is not null`;
  const withIdentity = new Set(rows.map(({ id }) => id));
  const fields = judgements.flatMap((judgement) =>
    compareUser(judgement, withIdentity.has(judgement.current?.id ?? "")) ?? []
  );
  const loaded = snapshot.source.separate ? await compareLoaded(snapshot, judgements) : [];
  return [...fields, ...loaded];
}

/** What was exported again after the snapshot was taken is not what was compared. */
async function markVerified(
  sql: postgres.Sql,
  takenAt: Date,
  equal: readonly Judgement[],
): Promise<void> {
  await sql`
    update private.legacy_exports set verified_at = ${takenAt}
    where legacy_user_id = any(${equal.map(({ user }) => user.userId)}::uuid[])
      and exported_at <= ${takenAt}`;
}

const PAGE = 1000;

/** The other way round: whoever stands in the id map has to be a legacy user still. */
async function findGoneInLegacy({ sql, source }: Snapshot, found: Collector): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page: { id: string; alive: boolean }[] = await sql<{ id: string; alive: boolean }[]>`
      select e.legacy_user_id as id,
        exists (select from auth.users as a
          where a.id = e.supabase_user_id and a.deleted_at is null) as alive
      from private.legacy_exports as e
      where ${after === undefined ? sql`true` : sql`e.legacy_user_id > ${after}::uuid`}
      order by e.legacy_user_id limit ${PAGE}`;
    const ids = page.map(({ id }) => id);
    const rows = await source.sql<{ id: string }[]>`
      select user_id as id from public.users where user_id = any(${ids}::uuid[])`;
    const there = new Set(rows.map(({ id }) => id));
    for (const { id, alive } of page) {
      if (alive && !there.has(id)) found.add(toMismatch("gone_in_legacy", id));
    }
    if (page.length < PAGE) return;
    after = ids.at(-1);
  }
}

async function record(
  sql: LegacyDatabases["sql"],
  { takenAt, users, gone, owners, signedIn, fingerprint }: Compared & { signedIn: number },
  { first, count }: Collector,
): Promise<Verification> {
  const passed = count === 0;
  const [row] = await sql<{ id: string }[]>`
    insert into private.legacy_verifications (started_at, finished_at, users_compared,
      owners_compared, signed_in, fingerprint, mismatches, passed)
    values (${takenAt}, now(), ${users}, ${owners}, ${signedIn}, ${fingerprint},
      ${JSON.stringify(first)}::text::jsonb, ${passed})
    returning verification_id as id`;
  return {
    verificationId: row?.id ?? "",
    passed,
    users,
    gone,
    owners,
    signedIn,
    fingerprint,
    mismatchCount: count,
    mismatches: first,
  };
}
