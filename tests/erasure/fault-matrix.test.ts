import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTemporaryStack, type TemporaryStack } from "../../local/temporary.ts";
import { requestErasure, runDueErasures, runErasure } from "../../shared/erasure/engine.ts";
import { repairReceiptCopies, verifyReceipts } from "../../shared/erasure/receipts/mod.ts";
import { isLongRun } from "../support/size.ts";
import { type Cell, cells, type Target } from "./support/cells.ts";
import {
  describeBystanders,
  describeOrganization,
  expectErased,
  expectReceipts,
  findTraces,
  placesOfSubject,
  readChain,
  readCounts,
  type ReceiptCounts,
} from "./support/evidence.ts";
import {
  type Bystanders,
  deleteQuietly,
  seedBystanders,
  seedPages,
  seedSubject,
  type Subject,
} from "./support/seed.ts";
import { countStoredFiles } from "./support/stored-files.ts";
import { deadlineOf, openWorld, readErasureRow, type World } from "./support/world.ts";

/** A process that was killed holds its lease for a while; a failed run waits for its next try. */
const minutesToRetry = 10;
const minutesToLateSweep = 140;

let temporary: TemporaryStack;
let world: World;
let bystanders: Bystanders;
/** What the receipt of an erasure without any fault counts. */
let undisturbed: ReceiptCounts;
const subjects: Subject[] = [];
const counts = { cells: 0, failed: 0 };
const chosen = isLongRun ? cells : cells.filter(({ sampled }) => sampled);

beforeAll(async () => {
  temporary = await startTemporaryStack({
    name: "heimdex-faults",
    drain: false,
    // There are more cells than erasures an hour that begin without an operator.
    environment: { HEIMDEX_ERASURES_PER_HOUR: "100000" },
  });
  world = await openWorld(temporary.stack);
  bystanders = await seedBystanders(world);
  undisturbed = await eraseUndisturbed();
});

afterAll(async () => {
  const sample = chosen.length < cells.length ? ` (${chosen.length} of ${cells.length} ran)` : "";
  process.stdout.write(`fault matrix: ${counts.cells} cells, ${counts.failed} failed${sample}\n`);
  await world?.close();
  await temporary?.stop();
});

async function eraseUndisturbed(): Promise<ReceiptCounts> {
  const subject = await seedSubject(world, bystanders);
  subjects.push(subject);
  await deleteQuietly(world.sql, subject.userId);
  const ctx = world.context();
  const request = { kind: "user", userId: subject.userId, origin: "event" } as const;
  const { erasureId } = await requestErasure(ctx, request);
  await runErasure(ctx, erasureId, deadlineOf(ctx));
  return await readCounts(world.sql, erasureId);
}

/** Asks for the erasure of a user who is gone, and brings a late cell to its late sweep. */
async function beginErasure(cell: Cell, { userId }: Subject): Promise<Target> {
  const ctx = world.context();
  const { erasureId } = await requestErasure(ctx, { kind: "user", userId, origin: "event" });
  if (cell.late) {
    await runDueErasures(ctx, deadlineOf(ctx));
    expect((await readErasureRow(world.sql, erasureId)).state).toBe("provisional");
  }
  return { world, erasureId, restartDatabase: () => temporary.stack.restartDatabase() };
}

/** What a drain does some time later. */
async function resume({ erasureId }: Target, stage: "provisional" | "final"): Promise<void> {
  const minutes = stage === "final" ? minutesToLateSweep : minutesToRetry;
  for (let round = 0; round < 5; round++) {
    const ctx = world.context({}, minutes * (1 + round / 10));
    // Late sweeps of other cells are due as well by then; they wait for the end.
    if (stage === "final") await runErasure(ctx, erasureId, deadlineOf(ctx)).catch(() => {});
    else await runDueErasures(ctx, deadlineOf(ctx));
    await repairReceiptCopies(ctx).catch(() => {});
    if ((await readErasureRow(world.sql, erasureId)).state === stage) return;
  }
  const row = await readErasureRow(world.sql, erasureId);
  expect.unreachable(`The erasure was not resumed: ${JSON.stringify(row)}`);
}

async function runCell(cell: Cell): Promise<void> {
  const subject = await seedSubject(world, bystanders);
  subjects.push(subject);
  if (cell.large) await seedPages(world, subject);
  const before = {
    bystanders: await describeBystanders(world, bystanders),
    organization: await describeOrganization(world, bystanders.organizationId),
  };
  await deleteQuietly(world.sql, subject.userId);
  const target = await beginErasure(cell, subject);
  await cell.strike(target);
  const stage = cell.late ? "final" : "provisional";
  await resume(target, stage);
  await expectErased(world, subject, stage);
  expect({
    bystanders: await describeBystanders(world, bystanders),
    organization: await describeOrganization(world, bystanders.organizationId),
  }).toEqual(before);
  const stages = cell.late ? ["provisional", "final"] as const : ["provisional"] as const;
  await expectReceipts(world, target.erasureId, [...stages]);
  if (!cell.large) expect(await readCounts(world.sql, target.erasureId)).toEqual(undisturbed);
}

describe("the search for traces", () => {
  it("finds a user in every table and bucket before the erasure", async () => {
    const { userId, marker } = await seedSubject(world, bystanders);
    const found = await findTraces(world.sql, [userId, marker]);
    expect(Object.keys(found)).toEqual(placesOfSubject);
    await deleteQuietly(world.sql, userId);
  });
});

for (const [family, inFamily] of Map.groupBy(chosen, (cell) => cell.family)) {
  describe(`an erasure that meets a fault and is resumed: ${family}`, () => {
    it.each(inFamily)("$name", async (cell) => {
      counts.cells++;
      counts.failed++;
      await runCell(cell);
      counts.failed--;
    });
  });
}

describe("after all faults", () => {
  it("the late sweep ends every erasure, and nothing knows any of the users", async () => {
    const ctx = world.context({}, 2 * minutesToLateSweep);
    await runDueErasures(ctx, deadlineOf(ctx, 600));
    const open = await world.sql`select from private.erasures where state <> 'final'`;
    expect(open).toHaveLength(0);
    const known = subjects.flatMap(({ userId, marker }) => [userId, marker]);
    expect(await findTraces(world.sql, known)).toEqual({});
    const report = await verifyReceipts(await readChain(world.sql), world.publicKey);
    expect(report).toMatchObject({ valid: true, erasures: { final: subjects.length } });
  });

  it("the bucket holds a copy of every receipt, and no file is left without its object", async () => {
    const [{ receipts, copies } = {}] = await world.sql<{ receipts: number; copies: number }[]>`
      select (select count(*)::int from private.erasure_receipts) as receipts,
        (select count(*)::int from storage.objects where bucket_id = 'receipts') as copies`;
    expect(receipts).toBeGreaterThanOrEqual(counts.cells);
    expect(copies).toBe(receipts);
    const [{ objects } = {}] = await world.sql<{ objects: number }[]>`
      select count(*)::int as objects from storage.objects`;
    expect(await countStoredFiles(temporary)).toBe(objects);
  });
});
