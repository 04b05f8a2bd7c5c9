import type { JSONWebKeySet } from "jose";
import { AppError } from "../errors/app-error.ts";
import { buckets } from "../storage/keys.ts";
import { deleteAuthUser } from "./account/delete-auth-user.ts";
import type { ErasureContext } from "./context.ts";
import { requestErasure, runErasure } from "./engine.ts";
import type { Erasure, ErasureKind } from "./erasure.ts";
import { releaseErasure } from "./operate.ts";
import {
  createPseudonymizer,
  createReceiptVerifier,
  importReceipts,
  openReceiptKeyring,
  openReceiptSigner,
  type Receipt,
  type ReceiptVerifier,
  repairReceiptCopies,
  type VerificationReport,
} from "./receipts/mod.ts";
import { readReceipts } from "./receipts/store.ts";

/** A copy of a receipt, still unchecked. */
export interface ReceiptCopy {
  readonly text: string;
  /** Where it was read, for the report. */
  readonly source: string;
  /** Copies of one group come in the order of the chain. */
  readonly group: string;
}

/** Somebody who was erased and is back. `id` is the user's or the person's. */
export interface Returned {
  readonly kind: ErasureKind;
  readonly id: string;
  /** The user; of a person, who had named it. */
  readonly userId: string;
}

/** What is to be done after a restore. Nothing was changed to find it out. */
export interface ReapplyPlan {
  /** Over the receipts of the database and the copies together. */
  readonly report: VerificationReport;
  /** Receipts the database has lost, in the order of the chain. */
  readonly missing: readonly Receipt[];
  /** Users first. A person whose user is back too goes with the user. */
  readonly returned: readonly Returned[];
}

/** One erasure that was done again, as far as it came. */
export interface Reapplied {
  readonly kind: ErasureKind;
  readonly erasureId: string;
  /**
   * `held` when there were too many for one hour: an operator releases them. `failed` when it broke
   * off: the drain tries again.
   */
  readonly state: Erasure["state"] | "failed";
}

/** The receipts cannot be trusted, so nobody is erased on their word. */
export class ReceiptsInvalidError extends Error {
  override readonly name = "ReceiptsInvalidError";

  constructor(readonly report: VerificationReport) {
    const first = report.faults[0];
    const where = first?.source === undefined ? "" : ` (${first.source})`;
    super(
      `The receipts do not verify, so nobody is erased on their word: ` +
        `${report.faults.length} faults, first ${first?.code}: ${first?.message}${where}`,
    );
  }
}

const pageSize = 1000;

/** One erasure may take so long here; the drain goes on with what is not done by then. */
const budgetMs = 300_000;

/**
 * The copies in bucket `receipts`, in the order of their chain.
 * Throws: AppError storage_unavailable.
 */
export async function* readCopies(
  objects: Pick<ErasureContext["objects"], "list" | "get">,
): AsyncGenerator<ReceiptCopy> {
  let cursor: string | undefined;
  do {
    const page = await objects.list(buckets.receipts, { cursor });
    for (const { key } of page.objects) {
      const bytes = await objects.get(buckets.receipts, key);
      if (bytes === null) continue;
      const text = new TextDecoder().decode(bytes);
      yield { text, source: `${buckets.receipts}/${key}`, group: buckets.receipts };
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/**
 * Finds out what a restore undid: receipts that only the copies know, and users and persons who
 * were erased and are in the database again. Reads all receipts, users and persons in pages.
 * Shape: `olderKeys` are public keys that signed before the present HEIMDEX_RECEIPT_KEY.
 * Throws: ReceiptsInvalidError when a receipt or the chain of both does not verify;
 * ReceiptKeyError; AppError database_unavailable, storage_unavailable.
 */
export async function planReapply(
  ctx: ErasureContext,
  copies: AsyncIterable<ReceiptCopy>,
  olderKeys: JSONWebKeySet = { keys: [] },
): Promise<ReapplyPlan> {
  const { publicKey } = await openReceiptSigner(ctx.receiptKey);
  const keyring = await openReceiptKeyring({ keys: [{ ...publicKey }, ...olderKeys.keys] });
  const verifier = createReceiptVerifier(keyring, { excerpt: false });
  const known = await readKnown(ctx, verifier);
  const missing = new Map<string, Receipt>();
  for await (const { text, ...origin } of copies) {
    const receipt = await verifier.add(text, origin);
    if (!receipt || known.hashes.has(receipt.hash)) continue;
    missing.set(receipt.hash, receipt);
    known.subjects[receipt.kind].add(receipt.subject);
  }
  const report = verifier.finish();
  if (!report.valid) throw new ReceiptsInvalidError(report);
  return {
    report,
    missing: [...missing.values()].sort((a, b) => a.sequence - b.sequence),
    returned: await findReturned(ctx, known.subjects),
  };
}

type Subjects = Record<ErasureKind, Set<string>>;

async function readKnown(
  { database }: ErasureContext,
  verifier: ReceiptVerifier,
): Promise<{ hashes: Set<string>; subjects: Subjects }> {
  const hashes = new Set<string>();
  const subjects: Subjects = { user: new Set(), person: new Set() };
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page = await readPage(database, after);
    for (const { sequence, text } of page) {
      const source = `private.erasure_receipts ${sequence}`;
      const receipt = await verifier.add(text, { source, group: "database" });
      if (!receipt) continue;
      hashes.add(receipt.hash);
      subjects[receipt.kind].add(receipt.subject);
    }
    after = page.length < pageSize ? undefined : page.at(-1)?.sequence;
  }
  return { hashes, subjects };
}

function readPage(database: ErasureContext["database"], after: number) {
  return database.asService((sql) => readReceipts(sql, { after, limit: pageSize }));
}

async function findReturned(ctx: ErasureContext, subjects: Subjects): Promise<Returned[]> {
  const users = await findAmong(ctx, "user", subjects.user);
  const back = new Set(users.map((one) => one.userId));
  const persons = await findAmong(ctx, "person", subjects.person);
  return [...users, ...persons.filter((one) => !back.has(one.userId))];
}

async function findAmong(
  ctx: ErasureContext,
  kind: ErasureKind,
  subjects: ReadonlySet<string>,
): Promise<Returned[]> {
  if (subjects.size === 0) return [];
  const pseudonymize = await createPseudonymizer(ctx.pseudonymKey, kind);
  const found: Returned[] = [];
  let after: string | undefined = "00000000-0000-0000-0000-000000000000";
  while (after !== undefined) {
    const page = await readCandidates(ctx.database, kind, after);
    for (const one of page) {
      if (subjects.has(await pseudonymize(one.id))) found.push({ kind, ...one });
    }
    after = page.length < pageSize ? undefined : page.at(-1)?.id;
  }
  return found;
}

/** One page of all users or persons, in the order of their ids. */
async function readCandidates(
  database: ErasureContext["database"],
  kind: ErasureKind,
  after: string,
): Promise<{ id: string; userId: string }[]> {
  return await database.asService((sql) =>
    kind === "user"
      ? sql<{ id: string; userId: string }[]>`
        select id, id as "userId" from auth.users where id > ${after} order by id limit ${pageSize}`
      : sql<{ id: string; userId: string }[]>`
        select person_id as id, user_id as "userId" from public.face_profiles
        where person_id > ${after} order by person_id limit ${pageSize}`
  );
}

/**
 * Carries a plan out: brings the lost receipts back into the chain and the bucket, then erases
 * everybody who returned, one after the other. May run again after a stop, with a new plan.
 * Users are deleted through the Admin API, so that their deletion takes the road of any other.
 * Throws: ChainChangedError when receipts were written since the plan was made; AppError
 * auth_unavailable, database_unavailable, storage_unavailable.
 */
export async function carryOutReapply(
  ctx: ErasureContext,
  plan: ReapplyPlan,
  onProgress: (done: Reapplied) => void = () => {},
): Promise<Reapplied[]> {
  await importReceipts(ctx.database, plan.missing);
  while ((await repairReceiptCopies(ctx)).copied > 0);
  const done: Reapplied[] = [];
  for (const returned of plan.returned) {
    const reapplied = await eraseAgain(ctx, returned);
    done.push(reapplied);
    onProgress(reapplied);
  }
  return done;
}

async function eraseAgain(ctx: ErasureContext, { kind, id, userId }: Returned): Promise<Reapplied> {
  const requested = kind === "user"
    ? await requestUserAgain(ctx, userId)
    : await requestErasure(ctx, { kind, personId: id, userId, origin: "person" });
  const { erasureId, state } = await reopen(ctx, requested);
  if (state === "held") return { kind, erasureId, state };
  const deadline = new Date(ctx.now().getTime() + budgetMs);
  try {
    return { kind, erasureId, state: (await runErasure(ctx, erasureId, deadline)).state };
  } catch (error) {
    // The next one would only meet the same outage; the engine has taken note of any other failure.
    if (error instanceof AppError && error.status === 503) throw error;
    return { kind, erasureId, state: "failed" };
  }
}

async function requestUserAgain(ctx: ErasureContext, userId: string): Promise<Erasure> {
  await deleteAuthUser(ctx.auth, userId);
  return await requestErasure(ctx, { kind: "user", userId, origin: "reapply" });
}

/**
 * An erasure that waits for its late sweep has done its work before the restore: it begins anew.
 * One that the returned account itself has brought to a halt may go on.
 */
async function reopen(ctx: ErasureContext, erasure: Erasure): Promise<Erasure> {
  const { erasureId, state, lastError } = erasure;
  if (state === "held" && lastError === "user_still_exists") {
    return await releaseErasure(ctx, erasureId);
  }
  if (state !== "provisional") return erasure;
  await ctx.database.asService((sql) =>
    sql`update private.erasures set state = 'pending', step = null, cursor = '{}'::jsonb,
        provisional_at = null, late_sweep_at = null, next_attempt_at = ${ctx.now()}
      where erasure_id = ${erasureId} and state = 'provisional'`
  );
  return erasure;
}
