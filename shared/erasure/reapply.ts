import type { JSONWebKeySet } from "jose";
import { AppError } from "../errors/app-error.ts";
import { buckets } from "../storage/keys.ts";
import { deleteAuthUser } from "./account/delete-auth-user.ts";
import type { ErasureContext } from "./context.ts";
import { requestErasure, runErasure } from "./engine.ts";
import type { Erasure, ErasureKind } from "./erasure.ts";
import { releaseErasure } from "./operate.ts";
import {
  createReceiptVerifier,
  importReceipts,
  nameSubjectKey,
  openReceiptKeyring,
  openReceiptSigner,
  type Receipt,
  type ReceiptVerifier,
  repairReceiptCopies,
  type VerificationReport,
} from "./receipts/mod.ts";
import { readReceipts } from "./receipts/store.ts";
import { ErasedSubjects, findReturned, type Recognised, type Returned } from "./returned.ts";

/** A copy of a receipt, still unchecked. */
export interface ReceiptCopy {
  readonly text: string;
  /** Where it was read, for the report. */
  readonly source: string;
  /** Copies of one group come in the order of the chain. */
  readonly group: string;
}

/**
 * What is to be done after a restore; nothing was changed to find it out. `returned` are erased
 * again, `recreated` are left alone.
 */
export interface ReapplyPlan extends Recognised {
  /** Over the receipts of the database and the copies together. */
  readonly report: VerificationReport;
  /** Receipts the database has lost, in the order of the chain. */
  readonly missing: readonly Receipt[];
  /** Receipts whose subject another HEIMDEX_PSEUDONYM_KEY named: of those nobody is recognised. */
  readonly foreign: number;
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
 * were erased and are in the database again. Whoever came after the last receipt of the id was not
 * restored. Reads all receipts, users and persons in pages.
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
  const erased = new ErasedSubjects(await nameSubjectKey(ctx.pseudonymKey));
  await readKnown(ctx, verifier, erased);
  const missing: Receipt[] = [];
  for await (const { text, ...origin } of copies) {
    const receipt = await verifier.add(text, origin);
    if (receipt && erased.add(receipt)) missing.push(receipt);
  }
  const report = verifier.finish();
  if (!report.valid) throw new ReceiptsInvalidError(report);
  return {
    report,
    missing: missing.sort((a, b) => a.sequence - b.sequence),
    ...await findReturned(ctx, erased),
    foreign: erased.foreign,
  };
}

async function readKnown(
  { database }: ErasureContext,
  verifier: ReceiptVerifier,
  erased: ErasedSubjects,
): Promise<void> {
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page = await readPage(database, after);
    for (const { sequence, text } of page) {
      const source = `private.erasure_receipts ${sequence}`;
      const receipt = await verifier.add(text, { source, group: "database" });
      if (receipt) erased.add(receipt);
    }
    after = page.length < pageSize ? undefined : page.at(-1)?.sequence;
  }
}

function readPage(database: ErasureContext["database"], after: number) {
  return database.asService((sql) => readReceipts(sql, { after, limit: pageSize }));
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
